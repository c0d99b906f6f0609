"""The vendor's clock: the machine's, or one that stands until somebody moves it. Microseconds since 1970, of UTC."""
import time


class Clock:
    def __init__(self, stands_at_us=None):
        self.stands_at_us = stands_at_us

    def now_us(self):
        return time.time_ns() // 1000 if self.stands_at_us is None else self.stands_at_us

    def set(self, at_us):
        self.stands_at_us = at_us

    def advance(self, by_us):
        self.stands_at_us = self.now_us() + by_us
