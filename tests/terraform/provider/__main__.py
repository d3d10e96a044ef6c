"""Serves the stand-in until it is told to end; its first line says how Terraform finds it.

`python -m tests.terraform.provider WHEEL`, and its output into TF_REATTACH_PROVIDERS.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from tf.gen import grpc_controller_pb2 as controller
from tf.gen import grpc_controller_pb2_grpc as controller_rpc
from tf.gen import grpc_stdio_pb2_grpc as stdio_rpc
from tf.gen import tfplugin_pb2_grpc as rpc

from tests.terraform.provider.resources import bodies
from tests.terraform.provider.servicer import Servicer
from tests.terraform.provider.wheel import Wheel

SOURCE = "hashicorp/google"


class Controller(controller_rpc.GRPCControllerServicer):  # type: ignore[misc]  # generated without types
    def Shutdown(self, *_: object) -> object:  # noqa: N802  (the protocol's name)
        return controller.Empty()


class Stdio(stdio_rpc.GRPCStdioServicer):  # type: ignore[misc]  # generated without types
    def StreamStdio(self, *_: object) -> object:  # noqa: N802  (the protocol's name)
        return iter(())


def main(wheel_path: Path) -> None:
    wheel = Wheel(wheel_path)
    server = grpc.server(ThreadPoolExecutor(max_workers=16))
    rpc.add_ProviderServicer_to_server(Servicer(wheel.provider(), bodies(wheel)), server)
    controller_rpc.add_GRPCControllerServicer_to_server(Controller(), server)
    stdio_rpc.add_GRPCStdioServicer_to_server(Stdio(), server)
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/provider.sock"
        server.add_insecure_port(f"unix://{socket}")
        server.start()
        address = {"Network": "unix", "String": socket}
        reattach = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": address,
        }
        sys.stdout.write(json.dumps({SOURCE: reattach}) + "\n")
        sys.stdout.flush()
        server.wait_for_termination()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
