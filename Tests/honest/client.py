"""Holds many connections at once and says what came back over them: client.py ADDRESS PORT COUNT."""

import asyncio
import sys


async def one(address: str, port: int, number: int) -> int:
    reader, writer = await asyncio.open_connection(address, port)
    total = 0
    for line in range(3):
        writer.write(f"connection {number} line {line}\n".encode())
        await writer.drain()
        answer = (await reader.readline()).decode()
        assert answer == f"CONNECTION {number} LINE {line}\n", answer
        total += len(answer)
    writer.close()
    await writer.wait_closed()
    return total


async def main(address: str, port: int, count: int):
    totals = await asyncio.gather(*(one(address, port, number) for number in range(count)))
    print(len(totals), "connections,", sum(totals), "bytes")


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
