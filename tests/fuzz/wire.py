"""Requests as bytes: those of the differential test, and some that are not HTTP any more."""

import random

from tests.differential.generated import Generated, request


def sent(seed: int) -> tuple[bytes, bool]:
    """Return the bytes of the request of `seed`, and whether it is HTTP: one of four is spoiled below it."""
    chance = random.Random(f"wire {seed}")
    whole = _encoded(request(seed), chance)
    return (whole, True) if chance.random() < 0.75 else (_spoiled(whole, chance), False)


def _spoiled(whole: bytes, chance: random.Random) -> bytes:
    match chance.randrange(8):
        case 0:
            return whole[: chance.randrange(len(whole))]
        case 1:
            position = chance.randrange(len(whole))
            return whole[:position] + chance.randbytes(chance.randint(1, 20)) + whole[position:]
        case 2:
            return whole.replace(b"\r\n", b"\r\nX-Long: " + b"a" * chance.choice([100, 9000, 200_000]) + b"\r\n", 1)
        case 3:
            return whole.replace(b"Content-Length: ", chance.choice([b"Content-Length: -", b"Content-Length: 9"]), 1)
        case 4:
            return whole + whole
        case 5:
            return whole.replace(b" HTTP/1.1", chance.choice([b" HTTP/9.9", b"", b" HTTP/1.0", b" HTTP/1.1 "]), 1)
        case 6:
            return whole.replace(
                b"/mcp", chance.choice([b"/mcp/../health", b"/%ff", b"/ready?x=" + b"y" * 3000, b"*"]), 1
            )
        case _:
            return chance.randbytes(chance.randint(1, 3000))


def _encoded(generated: Generated, chance: random.Random) -> bytes:
    lines = [f"{generated.method} /mcp{chance.choice(['', '', '/'])} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (*generated.headers, ("Connection", "close"))]
    if chance.random() < 0.15:
        chunk = f"{len(generated.body):x}\r\n".encode() + generated.body + b"\r\n0\r\n\r\n"
        lines.append("Transfer-Encoding: chunked")
        return "\r\n".join([*lines, "", ""]).encode(errors="replace") + chunk
    lines.append(f"Content-Length: {len(generated.body)}")
    return "\r\n".join([*lines, "", ""]).encode(errors="replace") + generated.body
