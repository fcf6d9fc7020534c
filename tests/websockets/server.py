"""A WebSocket server by Python's websockets that says every message back, and greets a client of /greets in the same
breath in which it agrees. Prints its port; ends with its standard input."""

import asyncio
import sys

from websockets.asyncio.server import serve


async def echo(socket):
    if socket.request.path == "/greets":
        await socket.send("welcome")
    async for message in socket:
        await socket.send(message)


async def main():
    async with serve(echo, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
