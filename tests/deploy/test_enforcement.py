"""The deployed service under enforcement: it does its job, and with one permission less it does not.

The emulated cloud knows no leading keys of DynamoDB: that every key begins as a policy says is checked on recorded
calls, in `test_permissions.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from deploy.emulated.job import main_job
from deploy.emulated.surroundings import Running, deployed
from deploy.permissions import FUNCTIONS
from dev.supervision import CommandFailedError
from tests.deploy.enforced_jobs import JOBS
from tests.deploy.enforced_site import Site
from tests.deploy.removals import AsRole, Permission, is_known_here, permissions_of, policy_of, put_policy, without
from tests.deploy.unnoticed import reason_for

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]
_READ_ONCE = frozenset({"secretsmanager:GetSecretValue", "sqs:GetQueueUrl"})
"""What a function asks for once and keeps: it has to begin anew to notice."""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with deployed() as one:
        yield one


@pytest.fixture(scope="module")
def site(running: Running) -> Site:
    """After the main job was done by triggers, everything is carried by the test."""
    main_job(running.deployment, running.place, print, "main@google.example")
    one = Site(running.deployment, running.place, running.storefront.server.url)
    one.stop_triggers()
    return one


@pytest.fixture(params=FUNCTIONS)
def function(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_job_is_done_with_the_policies_as_they_are(site: Site, function: str) -> None:
    for job in JOBS[function]:
        site.empty_queues()
        job(site)


def test_a_role_may_not_do_what_its_policy_does_not_name(site: Site, function: str) -> None:
    role, settings = AsRole(site.deployment, function), site.deployment.settings
    table = f"arn:aws:dynamodb:{settings.region}:{settings.account_id}:table/{settings.table_name}"
    assert not role.may_call("dynamodb:Scan", table)
    if not FUNCTIONS[function].reads_secrets:
        secret = (
            f"arn:aws:secretsmanager:{settings.region}:{settings.account_id}:secret:{settings.token_keys_secret}-??????"
        )
        assert not role.may_call("secretsmanager:GetSecretValue", secret)
    if not FUNCTIONS[function].objects:
        assert not role.may_call("s3:GetObject", f"arn:aws:s3:::{settings.bucket_name}/uploads/*")


def test_the_one_call_that_needs_a_permission_is_denied_without_it(site: Site, function: str) -> None:
    document, role = policy_of(site.deployment, function), AsRole(site.deployment, function)
    try:
        for permission in filter(is_known_here, permissions_of(site.deployment, function)):
            assert role.may(permission), f"{permission} is denied although it is allowed"
            put_policy(site.deployment, function, without(document, permission))
            assert not role.may(permission), f"{permission} is allowed although it was removed"
            put_policy(site.deployment, function, document)
    finally:
        put_policy(site.deployment, function, document)


def test_the_job_fails_without_any_one_permission_but_those_that_it_cannot_notice(site: Site, function: str) -> None:
    permissions = list(permissions_of(site.deployment, function))
    unexpected = [str(one) for one in permissions if reason_for(one) is None and not _is_noticed(site, one)]
    assert not unexpected, "removed, and every job was done all the same:\n" + "\n".join(unexpected)
    unnoticed = [one for one in permissions if reason_for(one) is not None]
    # With fewer permissions no job does more: where all of these are missed by nobody, none of them is.
    if _is_noticed(site, *unnoticed):
        needless = [str(one) for one in unnoticed if _is_noticed(site, one)]
        assert not needless, "`unnoticed.py` says that no job notices:\n" + "\n".join(needless)


def _is_noticed(site: Site, *permissions: Permission) -> bool:
    """Whether a job fails without these permissions of one function."""
    function = permissions[0].function
    document = policy_of(site.deployment, function)
    put_policy(site.deployment, function, without(document, *permissions))
    try:
        if _READ_ONCE & {one.action for one in permissions}:
            site.restart(function)
        return _is_any_job_failing(site, site.jobs.setdefault(function, list(JOBS[function])))
    finally:
        put_policy(site.deployment, function, document)


def _is_any_job_failing(site: Site, jobs: list[Callable[[Site], None]]) -> bool:
    """Whether one fails; that one is tried first the next time."""
    for job in jobs:
        site.empty_queues()
        try:
            job(site)
        except CommandFailedError:
            jobs.remove(job)
            jobs.insert(0, job)
            return True
    return False
