"""The REST paths of Cloud Tasks v2: which call each one is; it serves none of them.

https://cloud.google.com/tasks/docs/reference/rest/v2
"""

from __future__ import annotations

from emulator.rest import Route

BODY_LIMIT = 6 * 2**20
"""Bytes of one request: what gRPC's bound of 4 MiB is in base64."""

_TASKS = "google.cloud.tasks.v2.CloudTasks"
_LOCATIONS = "google.cloud.location.Locations"
_OPERATIONS = "google.longrunning.Operations"
_LOCATION = "projects/*/locations/*"
_QUEUE = f"{_LOCATION}/queues/*"
_TASK = f"{_QUEUE}/tasks/*"
_CMEK = f"{_LOCATION}/cmekConfig"

BUFFER_PATHS = (
    f"/v2/{{queue={_QUEUE}}}/tasks:buffer",
    f"/v2/{{queue={_QUEUE}}}/tasks/:buffer",
    f"/v2/{{queue={_QUEUE}}}/tasks/{{task_id=*}}:buffer",
)
"""BufferTask's, which any verb reaches; an empty id is what clients write that have one path for both."""

ROUTES = (
    Route("GET", f"/v2/{{parent={_LOCATION}}}/queues", f"{_TASKS}/ListQueues"),
    Route("POST", f"/v2/{{parent={_LOCATION}}}/queues", f"{_TASKS}/CreateQueue", "queue", explicit=True),
    Route("GET", f"/v2/{{name={_QUEUE}}}", f"{_TASKS}/GetQueue"),
    Route("PATCH", f"/v2/{{queue.name={_QUEUE}}}", f"{_TASKS}/UpdateQueue", "queue", explicit=True),
    Route("DELETE", f"/v2/{{name={_QUEUE}}}", f"{_TASKS}/DeleteQueue"),
    Route("POST", f"/v2/{{name={_QUEUE}}}:purge", f"{_TASKS}/PurgeQueue", "*"),
    Route("POST", f"/v2/{{name={_QUEUE}}}:pause", f"{_TASKS}/PauseQueue", "*"),
    Route("POST", f"/v2/{{name={_QUEUE}}}:resume", f"{_TASKS}/ResumeQueue", "*"),
    Route("GET", f"/v2/{{resource={_QUEUE}}}:getIamPolicy", f"{_TASKS}/GetIamPolicy"),
    Route("POST", f"/v2/{{resource={_QUEUE}}}:getIamPolicy", f"{_TASKS}/GetIamPolicy", "*"),
    Route("POST", f"/v2/{{resource={_QUEUE}}}:setIamPolicy", f"{_TASKS}/SetIamPolicy", "*"),
    Route("POST", f"/v2/{{resource={_QUEUE}}}:testIamPermissions", f"{_TASKS}/TestIamPermissions", "*"),
    Route("GET", f"/v2/{{parent={_QUEUE}}}/tasks", f"{_TASKS}/ListTasks"),
    Route("POST", f"/v2/{{parent={_QUEUE}}}/tasks", f"{_TASKS}/CreateTask", "*"),
    Route("POST", f"/v2/{{parent={_QUEUE}}}/tasks:batchCreate", f"{_TASKS}/BatchCreateTasks", "*"),
    Route("POST", f"/v2/{{parent={_QUEUE}}}/tasks:batchDelete", f"{_TASKS}/BatchDeleteTasks", "*"),
    Route("GET", f"/v2/{{name={_TASK}}}", f"{_TASKS}/GetTask"),
    Route("DELETE", f"/v2/{{name={_TASK}}}", f"{_TASKS}/DeleteTask"),
    Route("POST", f"/v2/{{name={_TASK}}}:run", f"{_TASKS}/RunTask", "*"),
    Route("GET", f"/v2/{{name={_CMEK}}}", f"{_TASKS}/GetCmekConfig"),
    Route("PATCH", f"/v2/{{cmek_config.name={_CMEK}}}", f"{_TASKS}/UpdateCmekConfig", "cmek_config"),
    Route("GET", "/v2/{name=projects/*}/locations", f"{_LOCATIONS}/ListLocations"),
    Route("GET", f"/v2/{{name={_LOCATION}}}", f"{_LOCATIONS}/GetLocation"),
    Route("GET", f"/v2/{{name={_LOCATION}/operations/*}}", f"{_OPERATIONS}/GetOperation"),
)
