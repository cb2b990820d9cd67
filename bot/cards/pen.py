"""What emblems are drawn with: a pen on a mask, and points on circles and curves."""

from collections.abc import Iterable, Sequence
from math import cos, hypot, sin, tau

from PIL import Image, ImageDraw

Point = tuple[float, float]

HAIR, LINE, BOLD = 0.008, 0.014, 0.024  # widths of lines, of the radius
_FINE = 3  # how much larger the drawing is than the picture that it is reduced to


class Pen:
    """Draws on a mask in coordinates from -1 to 1, y upwards; an ink of 1 covers."""

    def __init__(self, size: int, reach: float) -> None:
        """reach: the share of half the size that is 1."""
        self._mask = Image.new("L", (size * _FINE, size * _FINE))
        self._draw = ImageDraw.Draw(self._mask)
        self._middle = size * _FINE / 2
        self._scale = self._middle * reach

    def drawn(self) -> Image.Image:
        """Return the mask in the size that was asked for."""
        return self._mask.reduce(_FINE)

    def line(
        self, points: Iterable[Point], width: float = LINE, ink: float = 1.0, *, closed: bool = False
    ) -> None:
        at = [self._at(point) for point in points]
        thick = max(1, round(width * self._scale))
        self._draw.line([*at, *at[:2]] if closed else at, fill=round(255 * ink), width=thick, joint="curve")
        if not closed and thick > 3:
            for end in (at[0], at[-1]):
                self._disc(end, thick / 2, ink)

    def area(self, points: Iterable[Point], ink: float = 1.0) -> None:
        self._draw.polygon([self._at(point) for point in points], fill=round(255 * ink))

    def dot(self, point: Point, radius: float, ink: float = 1.0) -> None:
        self._disc(self._at(point), radius * self._scale, ink)

    def ring(self, radius: float, width: float = LINE, ink: float = 1.0, at: Point = (0, 0)) -> None:
        self.line((polar(radius, angle, at) for angle in angles(120)), width, ink, closed=True)

    def _disc(self, middle: Point, radius: float, ink: float) -> None:
        x, y = middle
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=round(255 * ink))

    def _at(self, point: Point) -> Point:
        return self._middle + point[0] * self._scale, self._middle - point[1] * self._scale


def angles(steps: int) -> Iterable[float]:
    """Return so many angles all around."""
    return (step * tau / steps for step in range(steps))


def polar(radius: float, angle: float, at: Point = (0, 0)) -> Point:
    """Return the point at an angle and a distance from another one."""
    return at[0] + radius * cos(angle), at[1] + radius * sin(angle)


def rotated(point: Point, angle: float) -> Point:
    """Return a point turned about the middle."""
    x, y = point
    return x * cos(angle) - y * sin(angle), x * sin(angle) + y * cos(angle)


def curve(start: Point, hold: Point, end: Point, steps: int = 24) -> list[Point]:
    """Return the points of a quadratic curve."""
    points = []
    for step in range(steps + 1):
        part = step / steps
        rest = 1 - part
        points.append(
            tuple(
                rest * rest * a + 2 * rest * part * b + part * part * c
                for a, b, c in zip(start, hold, end, strict=True)
            )
        )
    return [(x, y) for x, y in points]


def parallel(points: Sequence[Point], distance: float) -> list[Point]:
    """Return a closed line at a distance from another one."""
    moved = []
    for at, (x, y) in enumerate(points):
        before, after = points[at - 1], points[(at + 1) % len(points)]
        along = (after[0] - before[0], after[1] - before[1])
        length = hypot(*along) or 1.0
        moved.append((x - along[1] / length * distance, y + along[0] / length * distance))
    return moved
