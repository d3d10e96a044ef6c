"""The REST paths of Pub/Sub v1: which call each one is; it serves none of them.

https://cloud.google.com/pubsub/docs/reference/rest. StreamingPull has no path there.
"""

from __future__ import annotations

from emulator.rest import Route

BODY_LIMIT = 20 * 2**20
"""Bytes of one request: a publish of 10 MB, whose data are base64 over REST, and room to spare."""

_PUBLISHER = "google.pubsub.v1.Publisher"
_SUBSCRIBER = "google.pubsub.v1.Subscriber"
_IAM = "google.iam.v1.IAMPolicy"
_TOPIC = "projects/*/topics/*"
_SUBSCRIPTION = "projects/*/subscriptions/*"
_SNAPSHOT = "projects/*/snapshots/*"


def _iam(resource: str) -> tuple[Route, ...]:
    path = f"/v1/{{resource={resource}}}"
    return (
        Route("GET", f"{path}:getIamPolicy", f"{_IAM}/GetIamPolicy"),
        Route("POST", f"{path}:getIamPolicy", f"{_IAM}/GetIamPolicy", "*"),
        Route("POST", f"{path}:setIamPolicy", f"{_IAM}/SetIamPolicy", "*"),
        Route("POST", f"{path}:testIamPermissions", f"{_IAM}/TestIamPermissions", "*"),
    )


ROUTES = (
    Route("PUT", f"/v1/{{name={_TOPIC}}}", f"{_PUBLISHER}/CreateTopic", "*"),
    Route("GET", f"/v1/{{topic={_TOPIC}}}", f"{_PUBLISHER}/GetTopic"),
    Route("PATCH", f"/v1/{{topic.name={_TOPIC}}}", f"{_PUBLISHER}/UpdateTopic", "*"),
    Route("DELETE", f"/v1/{{topic={_TOPIC}}}", f"{_PUBLISHER}/DeleteTopic"),
    Route("GET", "/v1/{project=projects/*}/topics", f"{_PUBLISHER}/ListTopics"),
    Route("GET", f"/v1/{{topic={_TOPIC}}}/subscriptions", f"{_PUBLISHER}/ListTopicSubscriptions"),
    Route("GET", f"/v1/{{topic={_TOPIC}}}/snapshots", f"{_PUBLISHER}/ListTopicSnapshots"),
    Route("POST", f"/v1/{{topic={_TOPIC}}}:publish", f"{_PUBLISHER}/Publish", "*"),
    Route("POST", f"/v1/{{subscription={_SUBSCRIPTION}}}:detach", f"{_PUBLISHER}/DetachSubscription"),
    Route("PUT", f"/v1/{{name={_SUBSCRIPTION}}}", f"{_SUBSCRIBER}/CreateSubscription", "*"),
    Route("GET", f"/v1/{{subscription={_SUBSCRIPTION}}}", f"{_SUBSCRIBER}/GetSubscription"),
    Route("PATCH", f"/v1/{{subscription.name={_SUBSCRIPTION}}}", f"{_SUBSCRIBER}/UpdateSubscription", "*"),
    Route("DELETE", f"/v1/{{subscription={_SUBSCRIPTION}}}", f"{_SUBSCRIBER}/DeleteSubscription"),
    Route("GET", "/v1/{project=projects/*}/subscriptions", f"{_SUBSCRIBER}/ListSubscriptions"),
    Route("POST", f"/v1/{{subscription={_SUBSCRIPTION}}}:pull", f"{_SUBSCRIBER}/Pull", "*"),
    Route("POST", f"/v1/{{subscription={_SUBSCRIPTION}}}:acknowledge", f"{_SUBSCRIBER}/Acknowledge", "*"),
    Route(
        "POST",
        f"/v1/{{subscription={_SUBSCRIPTION}}}:modifyAckDeadline",
        f"{_SUBSCRIBER}/ModifyAckDeadline",
        "*",
    ),
    Route(
        "POST",
        f"/v1/{{subscription={_SUBSCRIPTION}}}:modifyPushConfig",
        f"{_SUBSCRIBER}/ModifyPushConfig",
        "*",
    ),
    Route("POST", f"/v1/{{subscription={_SUBSCRIPTION}}}:seek", f"{_SUBSCRIBER}/Seek", "*"),
    Route("PUT", f"/v1/{{name={_SNAPSHOT}}}", f"{_SUBSCRIBER}/CreateSnapshot", "*"),
    Route("GET", f"/v1/{{snapshot={_SNAPSHOT}}}", f"{_SUBSCRIBER}/GetSnapshot"),
    Route("PATCH", f"/v1/{{snapshot.name={_SNAPSHOT}}}", f"{_SUBSCRIBER}/UpdateSnapshot", "*"),
    Route("DELETE", f"/v1/{{snapshot={_SNAPSHOT}}}", f"{_SUBSCRIBER}/DeleteSnapshot"),
    Route("GET", "/v1/{project=projects/*}/snapshots", f"{_SUBSCRIBER}/ListSnapshots"),
    *_iam(_TOPIC),
    *_iam(_SUBSCRIPTION),
    *_iam(_SNAPSHOT),
)
