"""The shop's counter: a ticket walks from station to station, each calling the next, as real programs' handlers do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

log = logging.getLogger("shop.counter")
STATIONS = ("greet", "identify", "weigh", "price", "discount", "tax", "reserve", "approve", "dispatch")


class OrderStuck(Exception):
    """A department could not finish its part of an order."""


@dataclass
class Ticket:
    """One customer's order on its way through the shop."""

    number: int
    customer: dict[str, Any]
    lines: list[dict[str, Any]] = field(repr=False)
    total: Decimal = Decimal("0.00")
    visited: list[str] = field(default_factory=list)


class Station:
    """Does its own small part, then hands the ticket on; the last one hands it to a department."""

    def __init__(self, name: str, following: Callable[[Ticket], object]) -> None:
        self.name = name
        self.following = following

    def take(self, ticket: Ticket) -> object:
        remaining = len(STATIONS) - len(ticket.visited)
        ticket.visited.append(self.name)
        if remaining % 4 == 0:
            log.warning("ticket %s waits before station %s", ticket.number, self.name)
        return self.hand_on(ticket, remaining)

    def hand_on(self, ticket: Ticket, remaining: int) -> object:
        weights = [line["quantity"] * line["grams"] for line in ticket.lines]
        ticket.total += Decimal(sum(weights)) / 1000
        label = f"{self.name}: {len(weights)} lines, {sum(weights)} g, {remaining} stations to go"
        log.info(label)
        return self.following(ticket)


def walk(ticket: Ticket, stations: int, department: Callable[[Ticket], object]) -> object:
    """Let the ticket pass so many stations, then the department."""
    following = department
    for name in reversed(STATIONS[:stations]):
        following = Station(name, following).take
    return following(ticket)
