"""A card's points one by one: what expiry is held against. Each knows its sale, its end, who took it."""

from dataclasses import dataclass, field


@dataclass
class Point:
    sale: int
    last_day: int | None
    taken_by: int = 0  # 0: it is free; -1: it has expired


@dataclass
class Purse:
    """Points in the order they were had, and the debits that found none, a unit each."""

    points: list[Point] = field(default_factory=list)
    owed: list[int] = field(default_factory=list)

    @property
    def balance(self) -> int:
        return sum(point.taken_by == 0 for point in self.points) - len(self.owed)

    def _settle(self) -> None:
        for point in self.points:
            if self.owed and point.taken_by == 0:
                point.taken_by = self.owed.pop(0)

    def earn(self, number: int, count: int, last_day: int | None) -> None:
        self.points += [Point(number, last_day) for _ in range(count)]
        self._settle()

    def spend(self, number: int, count: int, sale: int = 0) -> None:
        """Take the oldest free points; of a sale that is undone its own first."""
        free = [point for point in self.points if point.taken_by == 0]
        free.sort(key=lambda point: point.sale != sale)
        for point in free[:count]:
            point.taken_by = number
        self.owed += [number] * (count - len(free[:count]))

    def give_back(self, number: int) -> None:
        for point in self.points:
            if point.taken_by == number:
                point.taken_by = 0
        self.owed = [other for other in self.owed if other != number]
        self._settle()

    def expire(self, day: int) -> int:
        """Take what is free and has ended by a day; return how many points that is."""
        ended = [
            point
            for point in self.points
            if point.taken_by == 0 and point.last_day is not None and point.last_day < day
        ]
        for point in ended:
            point.taken_by = -1
        return len(ended)
