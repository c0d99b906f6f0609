"""What happens at a vendor, by a seed: usage comes, late, is restated, moves to another time, vanishes and returns."""
import random
from decimal import Decimal

from .truth import Row

HOUR_US = 3600 * 1000000


class Life:
    def __init__(self, truth, seed, from_us, to_us, accounts=("account-1", "account-2", "account-3"), step_us=HOUR_US):
        self.truth, self.from_us, self.to_us, self.step_us = truth, from_us, to_us, step_us
        self.accounts = accounts
        self.random = random.Random(f"life {seed}")
        self.count = 0
        self.vanished = {}  # id → as it was last

    def quantity(self):
        digits = self.random.randint(0, 9)
        return Decimal(self.random.randint(1, 10 ** (digits + 2))).scaleb(-digits)

    def start_us(self):
        return self.from_us + self.random.randrange((self.to_us - self.from_us) // self.step_us) * self.step_us

    def new_row(self):
        self.count += 1
        dimensions = (("plan", self.random.choice(["большой \"Ж\"", "b;c", "A,1"])), ("region", self.random.choice(["eu", "us"])))
        return Row(f"row/{self.count:05}", self.random.choice(self.accounts), self.start_us(), self.quantity(), dimensions)

    def begin(self, count):
        """The first edition."""
        return self.truth.publish([self.new_row() for _ in range(count)])

    def some(self, ids, count):
        ids = sorted(ids)
        return self.random.sample(ids, min(count, len(ids)))

    def late(self, count):
        return self.truth.publish([self.new_row() for _ in range(count)])

    def restate(self, count):
        rows = [self.truth.row(row_id) for row_id in self.some(self.truth.ids(), count)]
        return self.truth.publish([row._replace(quantity=self.quantity()) for row in rows])

    def move(self, count):
        rows = [self.truth.row(row_id) for row_id in self.some(self.truth.ids(), count)]
        return self.truth.publish([row._replace(start_us=self.start_us()) for row in rows])

    def vanish(self, count):
        gone = self.some(self.truth.ids(), count)
        self.vanished.update({row_id: self.truth.row(row_id) for row_id in gone})
        return self.truth.publish(gone=gone)

    def give_back(self, count):
        """As they were: A, nothing, A."""
        return self.truth.publish([self.vanished.pop(row_id) for row_id in self.some(self.vanished, count)])

    def go_on(self, count):
        """One edition of each sort."""
        for happens in (self.late, self.restate, self.move, self.vanish, self.give_back):
            happens(count)
        return self.truth.edition
