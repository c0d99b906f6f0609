"""Files as people and programs leave them, each with what a dry run of it must say: what can be read is read, what cannot is one problem, at its place, with
what to do about it. No daemon: the mapping alone is tried.
"""
import gzip
import io
import os
import subprocess
import tempfile
import zipfile

from harness import METERD

MAP = "id: Id\ntype: =t\nsubject: Sub\ntime: {column: At, format: utc}\ndata: {q: {column: Qty, as: number}}\n"
COMMA = MAP.replace("as: number", "decimal: ','") + "delimiter: ;\n"
LINES = MAP.replace("format: utc", "format: rfc3339")
HEAD = "Id,Sub,At,Qty\n"
NIGHT = "2026-10-02 00:00:00"


def row(quantity="5", number=1, at=NIGHT, subject="s1"):
    return f"{number},{subject},{at},{quantity}\n"


def rows(*quantities):
    return HEAD + "".join(row(quantity, number) for number, quantity in enumerate(quantities, 1))


def packed(*files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def event(quantity="5", number=1, at="2026-10-02T00:00:00Z"):
    return f'{{"id":"{number}","type":"t","subject":"s1","time":"{at}","data":{{"q":{quantity}}}}}'


def json_map(path):
    return MAP + f"format: {{json: {{rows: '{path}'}}}}\n"


# What it is, mapping, file, its bytes; what must be said (an exit of 1 when one of it is a problem, told by its place "f…:").
CASES = [
    # Packings and encodings
    ("UTF-16 in gzip", MAP, "f.csv.gz", gzip.compress(rows("5").encode("utf-16")), ["f.csv.gz:1: is UTF-16"]),
    ("UTF-16 in gzip, said so", MAP + "format: {csv: {encoding: UTF-16}}\n", "f.csv.gz", gzip.compress(rows("5").encode("utf-16")), [event()]),
    ("mark in gzip in a zip", MAP, "f.zip", packed(("a.csv.gz", gzip.compress(rows("5").encode("utf-8-sig")))), [event()]),
    ("a zip of two", MAP, "f.zip", packed(("a.csv", rows("5")), ("b.csv", rows("6"))), ["f.zip:1: is a zip of several files: name one with `entry`"]),
    ("what macOS adds is no file", MAP, "f.zip", packed(("a.csv", rows("5")), ("__MACOSX/._a.csv", b"\0\5")), [event()]),
    ("an empty zip", MAP, "f.zip", packed(), ["f.zip:1: is a zip without a file in it"]),
    ("two of a zip, of other columns and without a last line end", MAP + "format: {csv: {entry: '*.csv'}}\n", "f.zip",
     packed(("a.csv", rows("5").rstrip()), ("b.csv", f"Qty,At,Sub,Id\n6,{NIGHT},s1,2\n7,{NIGHT},s1,x\nz,{NIGHT},s1,3\n")),
     [event(), event(6, 2), event(7, "x"), "f.zip/b.csv:4: data.q: a number is expected", "3 events"]),
    ("Latin-1", MAP, "f.csv", (HEAD + row(subject="\u00e4")).encode("latin-1"), ["f.csv:2: subject: not valid UTF-8: say the file's encoding"]),
    ("zero bytes", MAP, "f.csv", HEAD + "1\0,s1,x,5\n" + row(6, 2) + "\0\0", ["f.csv:2: id: holds a zero byte", event(6, 2), "f.csv:4: id: holds a zero byte"]),
    # Headers
    ("a header again", MAP, "f.csv", rows("5") + HEAD + row(6, 2), [event(), event(6, 2), "0 problems"]),
    ("a header again, in another order", MAP, "f.csv", rows("5") + f"Qty,Id,Sub,At\n6,2,s1,{NIGHT}\n", [event(), event(6, 2)]),
    ("another case", MAP, "f.csv", "id,sub,at,qty\n", ["f.csv:1: the mapping's column 'Id' is not in the header; did you mean `id`?"]),
    ("names that differ in case alone", MAP, "f.csv", "id," + HEAD + "9," + row(), [event()]),
    ("a name twice", MAP, "f.csv", "Id," + HEAD, ["f.csv:1: the mapping's column 'Id' stands in the header twice"]),
    ("semicolons", MAP, "f.csv", rows("5").replace(",", ";"), ['f.csv:1: the mapping\'s column \'Id\' is not in the header: where cells end with `;`, say so: `delimiter: ";"`']),
    ("tabs", MAP, "f.csv", rows("5").replace(",", "\t"), ['`delimiter: "\\t"`']),
    ("a title", MAP, "f.csv", "Usage of March\n\n" + rows("5"), ["f.csv:1: ", "not in the header, which begins with `Usage of March`"]),
    ("a page of a login", MAP, "f.csv", "<!DOCTYPE html><html>", ["not in the header, which begins with `<!DOCTYPE html><html>`"]),
    ("Excel's first line", MAP, "f.csv", "sep=,\n" + rows("5"), [event()]),
    # Lines
    ("empty lines, of spaces and of delimiters too", MAP, "f.csv", "\n\r\n" + HEAD + "  \n" + row() + ",,,\n\n", [event(), "1 event, 0 rows skipped, 0 problems"]),
    ("a delimiter at the end of each", MAP, "f.csv", HEAD.replace("\n", ",\n") + row("5,"), [event()]),
    ("a delimiter at the end of rows alone", MAP, "f.csv", HEAD + row("5,"), [event()]),
    ("more cells than headers", MAP, "f.csv", HEAD + row("1,234.50") + row(6, 2), ["f.csv:2: has 5 cells, and the header 4", event(6, 2)]),
    ("a line of text at the end", MAP, "f.csv", rows("5") + "Total 5\n", [event(), "f.csv:3: subject: the row has no value for it"]),
    ("a quoted cell at the end", MAP, "f.csv", HEAD + row('"5"').rstrip(), [event()]),
    ("an open quote at the end", MAP, "f.csv", rows("5") + row('"6', 2).rstrip(), [event(), "f.csv:3: the quote that opens here is not closed"]),
    ("a quote alone", MAP, "f.csv", rows("5") + '"', [event(), "f.csv:3: the quote that opens here is not closed"]),
    ("a backslash before a quote", MAP, "f.csv", HEAD + row(subject='"s\\"1"') + row(6, 2), ["f.csv:2: text behind a closing quote", event(6, 2)]),
    ("another quote", MAP + "format: {csv: {quote: \"'\"}}\n", "f.csv", HEAD + row("'5'", at=f"'{NIGHT}'"), [event()]),
    ("a very long cell", MAP, "f.csv", HEAD + row(subject="s" * 2000000) + row(6, 2), ["f.csv:2: the record is longer than 1 MiB", event(6, 2)]),
    ("a long subject", MAP, "f.csv", HEAD + row(subject="s" * 200) + row(6, 2), ["f.csv:2: subject: is longer than 128 bytes", event(6, 2)]),
    # Numbers
    ("exponents", MAP, "f.csv", rows("1.5E+3", "1e-5"), [event(1500), event("0.00001", 2)]),
    ("a decimal comma, and points between thousands", COMMA, "f.csv", (HEAD + row("1.234*50") + row("1*5", 2)).replace(",", ";").replace("*", ","),
     ["f.csv:2: data.q: `1.234,50` is no number with the decimal sign `,`: separators of thousands are left out", event("1.5", 2)]),
    ("a decimal comma, and a hard space", COMMA, "f.csv", (HEAD + row("1\u00a0234*5")).replace(",", ";").replace("*", ","), ["separators of thousands are left out"]),
    ("thousands", MAP, "f.csv", rows('"1,234.50"'), ["f.csv:2: data.q: `1,234.50` is no number: write 1234.50 (no spaces or separators)"]),
    ("percentages and currencies", MAP, "f.csv", rows("50%", "$5.00", "5 EUR", "\u20ac5"),
     ["`50%` is no number: write 50 (no percent sign)", "`$5.00` is no number: write 5.00 (no currency)", "`5 EUR` is", "`\u20ac5` is"]),
    ("signs of bookkeepers", MAP, "f.csv", rows("(5.00)", "5-", "\u22125", "+5"),
     ["`(5.00)` is no number: write -5.00 (the sign", "`5-` is no number: write -5 (the sign", "`\u22125` is no number: write -5 (the", "`+5` is no number: write 5 (the"]),
    ("units", MAP, "f.csv", rows("5 GB", "7GiB/h"), ["`5 GB` is no number: write 5 (no unit)", "`7GiB/h` is no number: write 7 (no unit)"]),
    ("none", MAP, "f.csv", rows("NaN", "NULL", "-", "0x1F"), ["f.csv:2: data.q: a number is expected", "f.csv:3: ", "f.csv:4: ", "f.csv:5: "]),
    ("what stands for none", MAP + "'null': ['NULL', '-']\n", "f.csv", rows("NULL", "-"), ['"data":{}}', "2 events"]),
    ("more digits than are kept", MAP, "f.csv", rows("2.3198314011096954e-05"), ["f.csv:2: data.q: ", "say how to round it, as `round: {digits: 9}`"]),
    # Times
    ("hour 24", MAP, "f.csv", HEAD + row(at="2026-01-31 24:00"), ["f.csv:2: time: ", "write 00:00:00 of the next day"]),
    ("an offset of zero, said twice", MAP, "f.csv", HEAD + row(at="2026-01-31 10:00:00 +0000 UTC"), [event(at="2026-01-31T10:00:00Z")]),
    ("Z", MAP, "f.csv", HEAD + row(at="2026-01-31T10:00:00Z"), [event(at="2026-01-31T10:00:00Z")]),
    ("another offset", MAP, "f.csv", HEAD + row(at="2026-01-31T10:00:00+01:00"), ["it says its offset, which rfc3339 reads"]),
    ("without seconds", LINES, "f.csv", HEAD + row(at="2026-10-02T10:00Z"), [event(at="2026-10-02T10:00:00Z")]),
    ("milliseconds", MAP, "f.csv", HEAD + row(at="1772359200000"), ["it looks like unix_ms"]),
    ("milliseconds for seconds", MAP.replace("utc", "unix_s"), "f.csv", HEAD + row(at="1772359200000"), ["is outside the years 1970 to 2199: are these seconds?"]),
    ("days of a spreadsheet", MAP, "f.csv", HEAD + row(at="46297.5"), ["it looks like a day's number of a spreadsheet"]),
    ("no header, columns by number", "id: '1'\ntype: =t\nsubject: '2'\ntime: {column: '3', format: utc}\ndata: {q: '4'}\n", "f.csv", row(), [event()]),
    # NDJSON and JSON
    ("a list or map for a value", MAP, "f.ndjson", '{"Id":1,"Sub":"s","Qty":[1]}\n{"Id":1,"Sub":"s","Qty":{"v":1}}\n', ["f.ndjson:1: a mapped column holds a list or map", "f.ndjson:2: "]),
    ("through a list", MAP.replace("column: Qty", "column: credits.amount"), "f.ndjson", '{"Id":1,"credits":[{"amount":-3}]}\n', ["f.ndjson:1: a mapped column holds a list"]),
    ("a member twice", MAP, "f.ndjson", '{"Id":1,"Qty":1,"Qty":2}\n', ["f.ndjson:1: `Qty` stands twice in its map"]),
    ("NaN in a line", MAP, "f.ndjson", f'{{"Id":1,"Qty":NaN}}\n{{"Id":1,"Sub":"s1","At":"{NIGHT}","Qty":5}}\n', ["f.ndjson:1: is no JSON: a value is NaN", event()]),
    ("a document for lines", MAP, "f.json", '[{"Id":1}]\n', ['f.json:1: a line must be a map (one document of all rows is `format: {json: {rows: "[]"}}`)']),
    ("CSV for lines", MAP, "f.json", rows("5"), ["f.json:1: a line must be a map"]),
    ("a comma behind a line", MAP, "f.ndjson", '{"Id":1},\n', ["f.ndjson:1: is no JSON: something follows the record on its line"]),
    ("a document", json_map("a.data[]"), "f.json", f'{{"a":{{"data":[{{"Id":1,"Sub":"s1","At":"{NIGHT}","Qty":5.0}},\n {{"Id":2}}]}}}}',
     [event(), "f.json:2:2: subject: the row has no value for it"]),
    ("a document of other rows", json_map("data[]"), "f.json", '{"items":[]}', ["f.json:1:1: has no rows at `data[]`"]),
    ("a document that ends too early", json_map("[]"), "f.json", f'[{{"Id":1,"Sub":"s1","At":"{NIGHT}","Qty":5}},{{"Id":', [event(), "is no JSON: the text ends too early"]),
    ("lines for a document", json_map("[]"), "f.json", "{}\n{}\n", ["f.json:2:1: is no JSON: something follows the document"]),
    # None
    ("nothing", MAP, "f.csv", "", ["f.csv:1: the file is empty"]),
    ("nothing, packed", MAP, "f.csv.gz", gzip.compress(b""), ["f.csv.gz:1: the file is empty"]),
    ("half a gzip", MAP, "f.csv.gz", gzip.compress(rows("5").encode())[:-9], ["f.csv.gz:1: ends inside of its gzip"]),
]


def main():
    with tempfile.TemporaryDirectory() as root:
        os.chdir(root)
        for name, mapping, file, data, says in CASES:
            with open("map.yaml", "w", encoding="utf-8") as f:
                f.write(mapping)
            with open(file, "wb") as f:
                f.write(data.encode() if isinstance(data, str) else data)
            environment = {key: value for key, value in os.environ.items() if key != "METERD_KEY"}
            done = subprocess.run([METERD, "import", "--map", "map.yaml", "--dry-run", file], capture_output=True, env=environment, check=False)
            text = (done.stdout + done.stderr).decode(errors="replace")
            assert done.returncode == (1 if "\nf." in "\n" + text else 0), (name, done.returncode, text)
            for words in says:
                assert words in text, (name, words, text)


main()
