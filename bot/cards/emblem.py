"""Emblems: line drawings from geometry, one kind for each family of powers, varied by a seed."""

import random
from collections.abc import Callable
from math import cos, gcd, pi, radians, sin, tau

from PIL import Image

from bot.cards.pen import BOLD, HAIR, LINE, Pen, angles, curve, parallel, polar, rotated


def draw_emblem(family: str, seed: int, size: int) -> Image.Image:
    """Return an emblem as a mask: how much of its colour each pixel of a square has."""
    chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
    pen = Pen(size, reach=0.96)
    _frame(pen, chance)
    _KINDS.get(family, _seeds)(pen, chance)
    return pen.drawn()


def _frame(pen: Pen, chance: random.Random) -> None:
    """Draw what all emblems share: a ring with marks, as on a seal or a dial."""
    pen.ring(0.985, LINE)
    marks = chance.choice((48, 60, 72))
    every = chance.choice((4, 6, 12))
    for number in range(marks):
        angle = pi / 2 + number * tau / marks
        if number % every:
            pen.line((polar(0.925, angle), polar(0.945, angle)), HAIR, 0.8)
        else:
            pen.dot(polar(0.935, angle), 0.014)


def _wings(pen: Pen, chance: random.Random) -> None:
    """Moving: two fans of feathers that sweep upwards."""
    feathers = chance.randint(8, 11)
    lift, bend = chance.uniform(0.95, 1.15), chance.uniform(0.3, 0.5)
    for number in range(feathers):
        part = number / (feathers - 1)
        angle = radians(-28 + 106 * part)
        length = (0.5 + 0.3 * sin(pi * (0.2 + 0.7 * part))) * lift
        tip = (length * cos(angle), length * sin(angle) + 0.02)
        hold = (bend * cos(angle - 0.75), bend * sin(angle - 0.75) - 0.04)
        shape = [
            *curve((0.03, -0.42), hold, tip),
            *curve(tip, (hold[0] * 1.12, hold[1] + 0.13), (0.03, -0.42)),
        ]
        for side in (1, -1):
            flipped = [(side * x, y) for x, y in shape]
            pen.area(flipped, 0.16 + 0.3 * part)
            pen.line(flipped, LINE)
    pen.dot((0, -0.5), 0.05)
    for number in range(3):
        pen.dot((0, -0.62 - 0.09 * number), 0.026 - 0.006 * number)


def _eye(pen: Pen, chance: random.Random) -> None:
    """Sensing: an eye in an eye, with rays for lashes."""
    rays = chance.choice((24, 30, 36))
    for number in range(rays):
        angle = number * tau / rays
        inner = 0.66 if number % 2 else 0.6
        pen.line((polar(inner, angle), polar(0.78 if number % 2 else 0.82, angle)), LINE)
    lids = chance.randint(3, 4)
    for number in range(lids):
        wide, high = 0.74 - 0.03 * number, (0.5 - 0.085 * number)
        upper = curve((-wide, 0), (0, 2 * high), (wide, 0), 50)
        lower = curve((wide, 0), (0, -2 * high), (-wide, 0), 50)
        if number == 0:
            pen.area([*upper, *lower], 0.14)
        pen.line([*upper, *lower], LINE if number else BOLD, closed=True)
    pen.dot((0, 0), 0.25, 0.4)
    pen.ring(0.25, BOLD)
    spokes = chance.randint(18, 28)
    for number in range(spokes):
        angle = number * tau / spokes
        pen.line((polar(0.13, angle), polar(0.22, angle)), HAIR)
    pen.dot((0, 0), 0.105)


def _thoughts(pen: Pen, chance: random.Random) -> None:
    """Minds: a line that winds about a middle and comes back, as from a spirograph."""
    outer, inner = chance.choice(((96, 36), (105, 30), (100, 44), (96, 52), (105, 42), (90, 50)))
    turns = inner // gcd(outer, inner)
    for reach, width, ink in ((0.95, LINE, 1.0), (0.62, LINE, 0.65), (0.3, LINE, 0.4)):
        ratio, arm = (outer - inner) / inner, inner * reach
        most = (outer - inner) + arm
        points = []
        for step in range(90 * turns):
            angle = step * tau / 90
            x = (outer - inner) * cos(angle) + arm * cos(ratio * angle)
            y = (outer - inner) * sin(angle) - arm * sin(ratio * angle)
            points.append((0.8 * x / most, 0.8 * y / most))
        pen.line(points, width, ink, closed=True)
    pen.dot((0, 0), 0.05)


def _waves(pen: Pen, chance: random.Random) -> None:
    """Elements: rings that swell like water, fire or weather."""
    crests, drift = chance.randint(5, 9), chance.uniform(0.2, 0.7) * chance.choice((1, -1))
    second = chance.randint(2, 3)
    for number in range(13, 0, -1):
        radius = 0.78 * number / 13
        swell = 0.028 + 0.11 * (number / 13) ** 2
        points = []
        for angle in angles(220):
            wave = sin(crests * angle + drift * number) * 0.7 + sin(second * angle - drift * number) * 0.3
            points.append(polar(radius * (1 + swell * wave), angle))
        if number in (13, 9, 5):
            pen.area(points, {13: 0.12, 9: 0.3, 5: 0.52}[number])
        pen.line(points, LINE if number % 4 else BOLD, closed=True)
    pen.dot((0, 0), 0.035)


def _lotus(pen: Pen, chance: random.Random) -> None:
    """Healing: petals upon petals."""
    petals = chance.choice((6, 8, 10))
    for row, (length, wide, ink) in enumerate(((0.82, 0.72, 0.12), (0.6, 0.74, 0.28), (0.38, 0.78, 0.5))):
        for number in range(petals):
            angle = (number + row / 2) * tau / petals + pi / 2
            tip = polar(length, angle)
            sides = [polar(length * wide, angle + turn * 1.25 * pi / petals) for turn in (1, -1)]
            shape = [*curve((0, 0), sides[0], tip), *curve(tip, sides[1], (0, 0))]
            pen.area(shape, ink)
            pen.line(shape, LINE if row else BOLD * 0.8)
            pen.line((polar(length * 0.3, angle), polar(length * 0.78, angle)), HAIR, 0.8)
    pen.dot((0, 0), 0.09)


def _whirl(pen: Pen, chance: random.Random) -> None:
    """Strength: a solid body, turned and braced within itself."""
    corners = chance.choice((4, 5, 6, 8))
    step = chance.uniform(0.08, 0.13)
    shape = [polar(0.8, number * tau / corners + pi / 2) for number in range(corners)]
    for number in range(22):
        if number % 7 == 0:
            pen.area(shape, 0.12 + 0.13 * (number // 7))
        pen.line(shape, BOLD if number % 7 == 0 else LINE, closed=True)
        shape = [
            (x + (next_x - x) * step, y + (next_y - y) * step)
            for (x, y), (next_x, next_y) in zip(shape, [*shape[1:], shape[0]], strict=True)
        ]


def _phases(pen: Pen, chance: random.Random) -> None:
    """Shapes: a round form that turns into an angular one, ring by ring, and fades."""
    corners, twist = chance.choice((3, 4, 5)), chance.uniform(0.02, 0.07)
    rings = 12
    for number in range(rings):
        part = number / (rings - 1)
        points = []
        for angle in angles(180):
            flat = cos(pi / corners) / cos((angle % (tau / corners)) - pi / corners)
            points.append(
                polar((0.8 - 0.66 * part) * (1 - part + part * flat * 1.25), angle + number * twist + pi / 2)
            )
        if number in (4, 8):
            pen.area(points, 0.14 if number == 4 else 0.3)
        pen.line(points, LINE * (0.7 + 0.8 * part), 0.45 + 0.55 * part, closed=True)
    pen.area([polar(0.13, number * tau / corners + rings * twist + pi / 2) for number in range(corners)])


def _weave(pen: Pen, chance: random.Random) -> None:
    """Making: threads between points of a circle, as in string art."""
    points = chance.choice((24, 28, 32, 36))
    for skip, radius, ink in ((points // 2 - chance.randint(2, 4), 0.8, 1.0), (points // 3, 0.8, 0.6)):
        for number in range(points):
            ends = (number * tau / points, (number + skip) * tau / points)
            pen.line([polar(radius, end + pi / 2) for end in ends], HAIR * 1.2, ink)
    pen.ring(0.8, LINE)
    for number in range(points):
        pen.dot(polar(0.8, number * tau / points + pi / 2), 0.02)


def _dial(pen: Pen, chance: random.Random) -> None:
    """Time: a spiral of hours that grow, with two hands."""
    arms = chance.choice((12, 16))
    turn = chance.uniform(0.8, 1.5) * chance.choice((1, -1))
    for arm in range(arms):
        points = [
            polar(0.18 + 0.6 * part / 30, arm * tau / arms + turn * (part / 30) ** 1.4) for part in range(31)
        ]
        pen.line(points, LINE, 0.75)
        pen.dot(points[-1], 0.03 if arm % 3 else 0.048)
    for radius in (0.18, 0.38, 0.58):
        pen.ring(radius, HAIR, 0.7)
    hour, minute = (chance.uniform(0, tau) for _ in range(2))
    for angle, length, width in ((hour, 0.4, 0.05), (minute, 0.64, 0.032)):
        pen.line((polar(-0.1, angle), polar(length, angle)), width)
    pen.dot((0, 0), 0.075)


def _clover(pen: Pen, chance: random.Random) -> None:
    """Luck: leaves of hearts, with sparks between them."""
    leaves = chance.choice((4, 4, 5, 7))
    for leaf in range(leaves):
        angle = leaf * tau / leaves + pi / 2
        for shrink, ink in ((1.0, 0.16), (0.74, 0.34), (0.48, 0.6)):
            shape = []
            for turn in angles(70):
                # a heart with its point in the middle of the picture
                x = 16 * sin(turn) ** 3 / 17
                y = (13 * cos(turn) - 5 * cos(2 * turn) - 2 * cos(3 * turn) - cos(4 * turn)) / 17 + 1
                wide = 0.36 * 4.2 / max(leaves, 4)
                shape.append(rotated((x * wide * shrink, 0.06 + y * 0.385 * shrink), angle - pi / 2))
            pen.area(shape, ink)
            pen.line(shape, LINE if shrink < 1 else BOLD, closed=True)
        for reach, size in ((0.62, 0.022), (0.72, 0.03), (0.82, 0.018)):
            pen.dot(polar(reach, angle + pi / leaves), size)
    pen.dot((0, 0), 0.05)


def _voice(pen: Pen, chance: random.Random) -> None:
    """Talking: bars of a sound, in a circle."""
    bars = chance.choice((48, 60))
    phases = [(chance.randint(2, 7), chance.uniform(0, tau)) for _ in range(3)]
    for number in range(bars):
        angle = number * tau / bars + pi / 2
        loud = 0.5 + sum(sin(times * angle + phase) for times, phase in phases) / 6
        pen.line((polar(0.42, angle), polar(0.48 + 0.32 * loud, angle)), BOLD)
        pen.dot(polar(0.36 - 0.12 * loud, angle), 0.014)
    for radius, ink in ((0.1, 1.0), (0.17, 0.7)):
        pen.ring(radius, LINE, ink)
    pen.dot((0, 0), 0.05)


def _knot(pen: Pen, chance: random.Random) -> None:
    """Small gifts: an endless knot, drawn as three cords side by side."""
    around, through = chance.choice(((2, 5), (3, 7), (3, 8), (2, 7), (3, 5)))
    points = []
    for step in range(160 * around):
        angle = step * tau / 160
        radius = 0.5 + 0.27 * cos(through * angle / around)
        points.append(polar(radius, angle + pi / 2))
    pen.line(points, 0.085, 0.2, closed=True)
    for side in (-0.034, 0, 0.034):
        pen.line(parallel(points, side), LINE if side else HAIR, closed=True)
    pen.ring(0.12, LINE)
    pen.dot((0, 0), 0.05)


def _seeds(pen: Pen, chance: random.Random) -> None:
    """Any other power: seeds of a sunflower."""
    turn = pi * (3 - 5**0.5) + chance.uniform(-0.0006, 0.0006)
    number = chance.randint(190, 240)
    start = chance.uniform(0, tau)
    for seed in range(3, number):
        part = seed / number
        pen.dot(polar(0.83 * part**0.5, seed * turn + start), 0.012 + 0.021 * part, 0.55 + 0.45 * part)


_KINDS: dict[str, Callable[[Pen, random.Random], None]] = {
    "moving": _wings,
    "sensing": _eye,
    "minds": _thoughts,
    "elements": _waves,
    "healing": _lotus,
    "strength": _whirl,
    "shapes": _phases,
    "making": _weave,
    "time": _dial,
    "luck": _clover,
    "talking": _voice,
    "gifts": _knot,
}
