"""Says how long a message waits for its next delivery; pure, and it keeps no time."""

from __future__ import annotations

from google.pubsub_v1 import types

from emulator.pubsub.durations import seconds

# What `RetryPolicy` documents for a field that is left out, and its upper bound, in seconds.
DEFAULT_MINIMUM = 10.0
DEFAULT_MAXIMUM = 600.0

# The documented push backoff of a subscription without a retry policy, in seconds.
PUSH_MINIMUM = 0.1
PUSH_MAXIMUM = 60.0


def redelivery_delay(subscription: types.Subscription, attempt: int) -> float:
    """Seconds from the failure of delivery `attempt` (1 is the first) to the next one.

    Without a retry policy a pull subscription redelivers at once. Google gives no formula beyond
    "exponential"; this one doubles from the minimum to the maximum.
    """
    if "retry_policy" in subscription:
        minimum = seconds(subscription.retry_policy, "minimum_backoff", DEFAULT_MINIMUM)
        maximum = seconds(subscription.retry_policy, "maximum_backoff", DEFAULT_MAXIMUM)
    elif subscription.push_config.push_endpoint:
        minimum, maximum = PUSH_MINIMUM, PUSH_MAXIMUM
    else:
        return 0.0
    doublings = min(attempt - 1, 32)  # from 0.1 s, 13 doublings pass the largest maximum
    return min(maximum, minimum * 2.0**doublings)
