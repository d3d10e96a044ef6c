"""A bare `grpc.aio` server that answers CreateTask with the task it got, and does nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
from google.cloud.tasks_v2.types import cloudtasks, task

_Request: Any = cloudtasks.CreateTaskRequest.pb()
_Task: Any = task.Task.pb()


async def echo(request: Any, _context: grpc.aio.ServicerContext[Any, Any]) -> Any:
    return request.task


async def main() -> None:
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(
        echo, request_deserializer=_Request.FromString, response_serializer=_Task.SerializeToString
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("google.cloud.tasks.v2.CloudTasks", {"CreateTask": handler})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ready tasks=127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
