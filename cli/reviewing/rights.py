"""What the deployment's roles were given, from the templates, for one account and region."""

from cli.proof.deployment import ACCOUNT, REGION, Deployment


class Compiled:
    """The roles of a deployment with their own policies; the templates are read for a placeholder account and region."""

    def __init__(self, deployment: Deployment, *, account: str, region: str) -> None:
        self._deployment = deployment
        self._account, self._region = account, region

    def roles(self) -> frozenset[str]:
        """The names of the deployment's roles."""
        return frozenset(self._deployment.roles)

    def may(self, role: str, action: str, resource: str) -> bool:
        """Whether a statement of the role's own is about this action on this resource."""
        asked = resource.replace(self._account, ACCOUNT).replace(self._region, REGION) if self._account else resource
        return any(one.allows and one.covers(action, asked) for one in self._deployment.roles[role].own)
