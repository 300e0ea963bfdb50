"""What schemathesis cannot know: a batch of which some metrics are bad is answered 202, and the answer names them."""

import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection


def rejected_metrics(response):
    return response.json().get("metrics_rejected", 0) if response.status_code == 202 else 0


@schemathesis.check
def bad_data_is_rejected(ctx, response, case):
    """Takes the place of negative_data_rejection, which wants an error for each bad batch."""
    if rejected_metrics(response) > 0:
        assert response.json()["errors"], "The answer does not say what was rejected"
        return None
    return negative_data_rejection(ctx, response, case)


@schemathesis.check
def valid_metrics_are_accepted(ctx, response, case):
    if case.meta.generation.mode.is_positive:
        assert rejected_metrics(response) == 0, f"Valid metrics were rejected: {response.text}"
