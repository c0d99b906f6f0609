"""Reports: asked for, made while the client waits, fetched, deleted. Success is a word in the answer, never a status."""
from collections import OrderedDict

from . import body
from .message import Answer, refuse
from .paging import possible_faults
from .reading import Window

JOBS_MAX = 1000
POLL_AFTER_S = 1
WORDS = {"running": ["notStarted", "running"], "done": ["succeeded"], "empty": ["noData"], "failed": ["failed"]}


class Job:
    def __init__(self, job_id, window, parameters, polls):
        self.id, self.window, self.parameters, self.polls = job_id, window, parameters, polls
        self.state, self.reading = "notStarted", None


class Jobs:
    def __init__(self, dialect, pager, parts):
        self.dialect, self.pager, self.parts = dialect, pager, parts
        self.readings, self.chaos, self.clock = pager.readings, pager.chaos, pager.clock
        self.jobs, self.count = OrderedDict(), 0

    @property
    def root(self):
        return f"/{self.dialect.name}/reports"

    def answer(self, request):
        """/NAME/reports, /NAME/reports/ID"""
        if len(request.words) < 3:
            return self.submit(request) if request.method == "POST" else self.list()
        job = self.jobs.get(request.words[2]) or refuse(404, "NotFound", "no such report")
        if request.method == "DELETE":
            del self.jobs[job.id]
            return Answer(204)
        return self.poll(job)

    def submit(self, request):
        parameters = request.parameters()
        window = Window.of(parameters, self.dialect, self.clock)
        self.count += 1
        job = Job(f"report-{self.count:05}", window, parameters, self.dialect.polls)
        self.jobs[job.id] = job
        if len(self.jobs) > JOBS_MAX:
            self.jobs.popitem(last=False)
        headers = {"Retry_After": str(POLL_AFTER_S)}
        if self.dialect.job_id == "Operation-Location":
            headers["Operation_Location"] = f"{self.pager.origin}{self.root}/{job.id}"
        elif self.dialect.job_id == "Location":
            headers["Location"] = f"{self.root}/{job.id}"
        answer = Answer.of_json({"id": job.id, "status": job.state}, 202, **headers)
        answer.fault = self.chaos.draw("submit", self.dialect.name, window.name)
        if answer.fault == "submit_lost":
            answer.way = "reset"
        return answer

    def poll(self, job):
        fault = self.chaos.draw("job", self.dialect.name, job.window.name)
        if fault == "job_lost":
            del self.jobs[job.id]
            refuse(404, "NotFound", "no such report")
        if fault == "job_failed":
            job.state = "failed"
        elif job.state in WORDS["running"]:
            job.polls -= 1
            job.state = "running" if job.polls > 0 else self.finish(job)
        answer = self.told(job)
        answer.fault = answer.fault or fault
        return answer

    def finish(self, job):
        """What is told is of the edition that there is now."""
        job.reading = self.readings.begin(job.window, possible_faults(self.dialect))
        return "succeeded" if job.reading.rows() else "noData"

    def told(self, job):
        if job.state == "noData" and self.dialect.no_data == "error":
            problem = {"code": "5000", "message": "No data available"}
            return Answer.of_json({"id": job.id, "status": "failed", "error": problem})
        if job.state == "failed":
            return Answer.of_json({"id": job.id, "status": "failed", "error": {"code": "5001", "message": "it could not be made"}})
        if job.state != "succeeded":
            answer = Answer.of_json({"id": job.id, "status": job.state}, Retry_After=str(POLL_AFTER_S))
            if job.reading:
                answer.fault, answer.reading, answer.is_last = job.reading.fault, job.reading, True
            return answer
        reading = job.reading
        if self.dialect.job == "rows":
            rows = reading.rows()
            around = {"id": job.id, **self.pager.around(reading, rows, None), "status": "succeeded"}
            return Answer(200, body.write_rows(rows, self.dialect, around, reading.faults), {"Content-Type": "application/json"},
                          rows=len(rows), edition=reading.edition, fault=reading.fault, reading=reading, given=rows, is_last=True)
        link = {"url": self.parts.whole_link(reading)} if self.dialect.job == "url" else \
            {"resourceLocation": f"{self.pager.origin}/{self.dialect.name}/manifests/{reading.number}"}
        answer = Answer.of_json({"id": job.id, "status": "succeeded", **link})
        answer.edition, answer.fault, answer.reading, answer.part = reading.edition, reading.fault, reading, "list"
        return answer

    def manifest(self, request):
        """/NAME/manifests/READING"""
        return self.parts.manifest(self.readings.of(int(request.words[2])))

    def list(self):
        names = (self.dialect.from_name, self.dialect.to_name, "period", "account")
        rows = [{"id": job.id, "status": job.state, **{name: job.parameters[name] for name in names if name in job.parameters}}
                for job in self.jobs.values()]
        return Answer.of_json({"reports": rows})
