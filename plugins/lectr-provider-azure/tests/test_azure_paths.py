"""Azure's paths as a table: what each client's path becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_provider_azure.paths import azure_path, deployment_in, operation_in, versioned

V = "2024-10-21"
OWN = "/openai/deployments/mine/chat/completions"


@pytest.mark.parametrize(
    ("path", "model", "version", "becomes"),
    [
        # A client of the plain API, versions configured: the deployment is the model.
        ("/v1/chat/completions", "mine", V, (OWN, True)),
        ("/v1/completions", "mine", V, ("/openai/deployments/mine/completions", True)),
        ("/v1/embeddings", "mine", V, ("/openai/deployments/mine/embeddings", True)),
        ("/v1/images/generations", "mine", V, ("/openai/deployments/mine/images/generations", True)),
        ("/v1/audio/speech", "mine", V, ("/openai/deployments/mine/audio/speech", True)),
        ("/chat/completions", "mine", V, (OWN, True)),
        # What no deployment is asked for.
        ("/v1/models", None, V, ("/openai/models", True)),
        ("/v1/files/f-1/content", None, V, ("/openai/files/f-1/content", True)),
        ("/v1/responses", "mine", V, ("/openai/responses", True)),
        # The model is in a body that streams unread.
        ("/v1/audio/transcriptions", None, V, ("/openai/v1/audio/transcriptions", False)),
        # No versions: the API without them.
        ("/v1/chat/completions", "mine", None, ("/openai/v1/chat/completions", False)),
        ("/chat/completions", "mine", None, ("/openai/v1/chat/completions", False)),
        ("/v1/models", None, None, ("/openai/v1/models", False)),
        # Azure's own paths stay.
        (OWN, "mine", V, (OWN, True)),
        (OWN, None, V, (OWN, True)),
        ("/openai/v1/chat/completions", "mine", V, ("/openai/v1/chat/completions", False)),
        ("/openai/responses/r1", None, V, ("/openai/responses/r1", False)),
        ("/openai/deployments/mine", "other", V, ("/openai/deployments/mine", False)),
        # A route names another deployment.
        (OWN, "other", V, ("/openai/deployments/other/chat/completions", True)),
        ("/openai/deployments/a%20b/chat/completions", "a b", V, ("/openai/deployments/a%20b/chat/completions", True)),
        # Names that are no segment of a path as they are.
        ("/v1/chat/completions", "a/b?c#d é", V, ("/openai/deployments/a%2Fb%3Fc%23d%20%C3%A9/chat/completions", True)),
        ("/v1/chat/completions", "..", V, ("/openai/v1/chat/completions", False)),
        ("/v1/chat/completions", ".", V, ("/openai/v1/chat/completions", False)),
        ("/v1/chat/completions", "", V, ("/openai/v1/chat/completions", False)),
        (OWN, "..", V, (OWN, True)),
        # What is neither stays as it is.
        ("/models/chat/completions", "mine", V, ("/models/chat/completions", False)),
        ("/", None, V, ("/", False)),
    ],
)
def test_a_path_becomes_azures(path, model, version, becomes):
    assert azure_path(path, model, version) == becomes


@pytest.mark.parametrize(
    ("path", "deployment", "operation"),
    [
        (OWN, "mine", "/chat/completions"),
        ("/openai/deployments/a%20b/images/edits", "a b", "/images/edits"),
        ("/openai/deployments/mine", None, None),
        ("/openai/deployments//chat/completions", None, None),
        ("/openai/models", None, None),
        ("/v1/chat/completions", None, None),
    ],
)
def test_a_path_names_its_deployment(path, deployment, operation):
    assert (deployment_in(path), operation_in(path)) == (deployment, operation)


@pytest.mark.parametrize(
    ("query", "becomes"),
    [
        ("", f"api-version={V}"),
        ("a=1", f"api-version={V}&a=1"),
        ("api-version=2023-05-15", "api-version=2023-05-15"),
        ("a=1&api-version=", "a=1&api-version="),
        ("xapi-version=1", f"api-version={V}&xapi-version=1"),
    ],
)
def test_the_version_is_added_where_the_client_asks_for_none(query, becomes):
    assert versioned(query, V) == becomes


@given(st.text("ab/.?#%&=; é☃\x00\n", max_size=12))
def test_no_name_leaves_its_segment(name):
    path, takes_version = azure_path("/v1/chat/completions", name, V)
    assert path.isascii()
    if takes_version:
        assert path.split("/")[5:] == ["completions"]
        assert deployment_in(path) == name
    else:
        assert path == "/openai/v1/chat/completions"
