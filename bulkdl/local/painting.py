"""Pictures for the sample library, painted from a seed: landscapes, seas, cities, lights, logos."""

from __future__ import annotations

import colorsys
import functools
import math
import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Painter = Callable[[random.Random, int, int], Image.Image]

_TILE = 1024


def paint(kind: str, seed: int, width: int, height: int) -> Image.Image:
    """The same arguments paint the same picture."""
    return PAINTERS[kind](random.Random(seed), width, height)


def add_grain(image: Image.Image, strength: float) -> Image.Image:
    """Film grain over the picture: what makes a photograph's file as large as it is."""
    tile = _noise().point([round(128 + (value - 128) * strength) for value in range(256)])
    sheet = Image.new("L", image.size)
    for left in range(0, image.width, _TILE):
        for top in range(0, image.height, _TILE):
            sheet.paste(tile, (left, top))
    return ImageChops.add(image, Image.merge("RGB", (sheet, sheet, sheet)), 1, -128)


def _hills(dice: random.Random, width: int, height: int) -> Image.Image:
    hue = dice.random()
    image = _gradient(width, height, _hsv(hue, 0.55, 0.75), _hsv(hue + 0.12, 0.25, 1.0))
    _glow(image, (width * dice.uniform(0.15, 0.85), height * dice.uniform(0.15, 0.4)), height * 0.08, (255, 246, 214))
    draw = ImageDraw.Draw(image)
    for layer in range(6):
        near = layer / 5
        colour = _hsv(hue + 0.05 * near, 0.25 + 0.45 * near, 0.85 - 0.65 * near)
        _ridge(draw, dice, width, height, base=0.42 + 0.1 * layer, swing=0.13 - 0.012 * layer, colour=colour)
    return image


def _sea(dice: random.Random, width: int, height: int) -> Image.Image:
    hue = dice.uniform(0.48, 0.68)
    horizon = round(height * dice.uniform(0.4, 0.6))
    image = _gradient(width, height, _hsv(hue - 0.45, 0.45, 0.95), _hsv(hue - 0.35, 0.3, 1.0))
    sun = (width * dice.uniform(0.2, 0.8), horizon - height * 0.07)
    _glow(image, sun, height * 0.07, (255, 236, 190))
    image.paste(_gradient(width, height - horizon, _hsv(hue, 0.5, 0.75), _hsv(hue, 0.85, 0.25)), (0, horizon))
    draw = ImageDraw.Draw(image)
    for _ in range(900):
        depth = dice.random() ** 2
        y = horizon + depth * (height - horizon)
        half = (0.004 + 0.05 * depth) * width * dice.random()
        x = sun[0] + dice.gauss(0, (0.03 + 0.35 * depth) * width)
        draw.line((x - half, y, x + half, y), _hsv(hue - 0.4, 0.25, 1.0 - 0.3 * depth), 1 + round(depth * height / 250))
    return image


def _city(dice: random.Random, width: int, height: int) -> Image.Image:
    hue = dice.uniform(0.6, 0.8)
    image = _gradient(width, height, _hsv(hue, 0.8, 0.12), _hsv(hue + 0.15, 0.6, 0.45))
    draw = ImageDraw.Draw(image)
    for layer in range(3):
        colour = _hsv(hue, 0.5, 0.25 - 0.08 * layer)
        left = -dice.randrange(max(1, width // 20))
        while left < width:
            right = left + dice.randint(width // 28, width // 12)
            top = round(height * (0.3 + 0.15 * layer + dice.random() * 0.3))
            draw.rectangle((left, top, right, height), colour)
            _windows(draw, dice, (left, top, right, height), step=max(8, width // 150))
            left = right + dice.randrange(max(1, width // 90))
    return image


def _lights(dice: random.Random, width: int, height: int) -> Image.Image:
    hue = dice.random()
    image = _gradient(width, height, _hsv(hue, 0.7, 0.1), _hsv(hue + 0.2, 0.6, 0.3))
    for sharpness in (60, 25, 0):
        layer = Image.new("RGB", (width, height))
        draw = ImageDraw.Draw(layer)
        for _ in range(26):
            x, y, radius = dice.randrange(width), dice.randrange(height), height * dice.uniform(0.02, 0.09)
            colour = _hsv(hue + dice.gauss(0, 0.09), 0.7, dice.uniform(0.25, 0.7))
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour)
        small = layer.resize((width // 4, height // 4))
        soft = small.filter(ImageFilter.GaussianBlur(sharpness / 8)).resize((width, height)) if sharpness else layer
        image = ImageChops.screen(image, soft)
    return image


def _logo(dice: random.Random, width: int, height: int) -> Image.Image:
    hue = dice.random()
    image = Image.new("RGB", (width, height), _hsv(hue, 0.06, 1.0))
    draw = ImageDraw.Draw(image)
    for ring in range(7):
        radius = min(width, height) * (0.42 - 0.055 * ring)
        start = dice.randrange(360)
        box = (width / 2 - radius, height / 2 - radius, width / 2 + radius, height / 2 + radius)
        draw.arc(box, start, start + dice.randint(90, 300), _hsv(hue + 0.04 * ring, 0.75, 0.85), round(radius / 6) + 4)
    return image


PAINTERS: dict[str, Painter] = {"hills": _hills, "sea": _sea, "city": _city, "lights": _lights, "logo": _logo}


def _ridge(
    draw: ImageDraw.ImageDraw,
    dice: random.Random,
    width: int,
    height: int,
    *,
    base: float,
    swing: float,
    colour: Colour,
) -> None:
    """A mountain range from side to side; `base` and `swing` in heights of the picture."""
    waves = [(dice.uniform(0.6, 1.0) / 2**octave, dice.uniform(1, 2) * 2**octave, dice.random()) for octave in range(6)]
    line = []
    for x in range(0, width + 8, 8):
        rise = sum(size * math.sin(math.tau * (turns * x / width + shift)) for size, turns, shift in waves)
        line.append((x, height * (base - swing * rise / 2)))
    draw.polygon([(0, height), *line, (width + 8, height)], colour)


def _windows(draw: ImageDraw.ImageDraw, dice: random.Random, box: tuple[int, int, int, int], *, step: int) -> None:
    left, top, right, bottom = box
    for x in range(left + step // 2, right - step // 2, step):
        for y in range(top + step, bottom, step):
            if dice.random() < 0.2:
                draw.rectangle((x, y, x + step // 3, y + step // 2), _hsv(dice.uniform(0.08, 0.15), 0.5, 0.95))


def _glow(image: Image.Image, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    """A bright disc with a halo, blended into the picture."""
    small = Image.new("L", (image.width // 8, image.height // 8))
    x, y, r = centre[0] / 8, centre[1] / 8, radius / 8
    ImageDraw.Draw(small).ellipse((x - r, y - r, x + r, y + r), 255)
    halo = ImageChops.lighter(small, small.filter(ImageFilter.GaussianBlur(r * 1.5)))
    image.paste(colour, (0, 0), halo.filter(ImageFilter.GaussianBlur(1)).resize(image.size))


def _gradient(width: int, height: int, top: Colour, bottom: Colour) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((width, height))
    return Image.composite(Image.new("RGB", ramp.size, bottom), Image.new("RGB", ramp.size, top), ramp)


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(1, max(0, saturation)), min(1, max(0, value)))
    return round(red * 255), round(green * 255), round(blue * 255)


@functools.cache
def _noise() -> Image.Image:
    return Image.frombytes("L", (_TILE, _TILE), random.Random(1).randbytes(_TILE * _TILE))
