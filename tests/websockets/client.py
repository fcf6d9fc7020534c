"""A WebSocket client by Python's websockets: says messages of every kind and length to the URL given, and wants them
back. Prints what it has agreed on; fails if anything is not as it should be."""

import asyncio
import sys

from websockets.asyncio.client import connect


async def main(url):
    async with connect(url, compression=None, proxy=None) as socket:
        texts = ["", "hello", "größer"]
        lengths = [1, 125, 126, 65_535, 65_536, 300_000]
        for message in texts + [b"\7" * length for length in lengths]:
            await socket.send(message)
            assert await socket.recv() == message
        await asyncio.wait_for(await socket.ping(), 10)
        # Many under way at once.
        for number in range(200):
            await socket.send(str(number))
        assert [await socket.recv() for _ in range(200)] == [str(number) for number in range(200)]
    print(socket.response.status_code, socket.response.headers["Upgrade"], socket.close_code)


asyncio.run(main(sys.argv[1]))
