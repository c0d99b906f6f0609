"""The vendor of scripts/bench --beside (poller_vendor.py) as a tap of Meltano's Singer SDK: one stream, whose rows are the bare list of an answer."""
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th


class Usage(RESTStream):
    name, path, primary_keys, replication_key = "usage", "", ("id",), "at"
    records_jsonpath = "$[*]"
    schema = th.PropertiesList(th.Property("id", th.StringType), th.Property("account", th.StringType), th.Property("at", th.DateTimeType),
                               th.Property("amount", th.NumberType)).to_dict()

    @property
    def url_base(self):
        return self.config["url"]


class TapUsage(Tap):
    name = "tap-usage"
    config_jsonschema = th.PropertiesList(th.Property("url", th.StringType, required=True)).to_dict()

    def discover_streams(self):
        return [Usage(self)]


if __name__ == "__main__":
    TapUsage.cli()
