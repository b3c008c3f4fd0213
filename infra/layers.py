"""The layers of the functions: what the product knows, the agreements of this site, and third-party bundles built by ``local/layers.py``."""

import hashlib
import shutil
from pathlib import Path

from aws_cdk import AssetHashType, IgnoreMode, Stage
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

PROJECT = Path(__file__).resolve().parent.parent
BYTE_CODE = ["__pycache__", "*.pyc"]
RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64


_FRESH: set[tuple[str, str]] = set()
"""Staged copies made by this process: two stacks share one, and the second must not take it away."""


class LayersNotBuilt(LookupError):
    """A bundle's folder is missing: the layers were not built."""


class Layers(Construct):
    """One layer version a bundle, made when a function first asks for it."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Path, built: Path) -> None:
        super().__init__(scope, construct_id)
        self._site = site
        self._built = built
        self._made: dict[str, lambda_.ILayerVersion] = {}

    def of(self, bundles: tuple[str, ...]) -> list[lambda_.ILayerVersion]:
        """Product, agreements and these bundles; Lambda takes five layers a function."""
        return [self._layer(name) for name in ("firstcard", "agreements", *bundles)]

    def _layer(self, name: str) -> lambda_.ILayerVersion:
        if name not in self._made:
            self._made[name] = lambda_.LayerVersion(
                self,
                name.capitalize(),
                layer_version_name=f"firstcard-{name}",
                code=self._code(name),
                compatible_runtimes=[RUNTIME],
                compatible_architectures=[ARCHITECTURE],
            )
        return self._made[name]

    def _code(self, name: str) -> lambda_.Code:
        if name == "firstcard":
            return lambda_.Code.from_asset(str(PROJECT / "layers" / "firstcard"), exclude=BYTE_CODE, ignore_mode=IgnoreMode.GIT)
        if name == "agreements":
            return lambda_.Code.from_asset(str(write_site_layer(self._site, PROJECT / ".build" / "site-layer")))
        return self._bundle(name)

    def _bundle(self, name: str) -> lambda_.Code:
        folder = self._built / name
        if not folder.is_dir():
            raise LayersNotBuilt(
                f"{folder} is missing: run `python -m local.layers` (or `--target aws` and `-c layers=.build/layers-aws`) first"
            )
        locked = hashlib.sha256((PROJECT / "layers" / name / "requirements.txt").read_bytes()).hexdigest()
        self._forget_staged(locked)
        return lambda_.Code.from_asset(
            str(folder), exclude=BYTE_CODE, ignore_mode=IgnoreMode.GIT, asset_hash=locked, asset_hash_type=AssetHashType.CUSTOM
        )

    def _forget_staged(self, custom_hash: str) -> None:
        """Remove the copy that an earlier synthesis left: the hash names the lock file, and the copy may have been built for another machine."""
        stage = Stage.of(self)
        if stage is not None and (stage.asset_outdir, custom_hash) not in _FRESH:
            _FRESH.add((stage.asset_outdir, custom_hash))
            named = hashlib.sha256(custom_hash.encode()).hexdigest()
            shutil.rmtree(Path(stage.asset_outdir) / f"asset.{named}", ignore_errors=True)


def write_site_layer(site: Path, into: Path) -> Path:
    """Lay out a site's agreements and libraries as the package ``firstcard_site``; the folder is named by their content.

    Only what ``load_site`` reads goes in: ``agreements/*.yaml`` and ``libraries/*.yaml``.
    """
    papers = [path for folder in ("agreements", "libraries") for path in sorted((site / folder).glob("*.yaml"))]
    content = hashlib.sha256()
    for paper in papers:
        content.update(f"{paper.parent.name}/{paper.name}\0".encode() + paper.read_bytes() + b"\0")
    folder = into / content.hexdigest()[:32]
    package = folder / "python" / "firstcard_site"
    for paper in papers:
        copy = package / paper.parent.name / paper.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(paper.read_bytes())
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text('"""The agreements and libraries of this deployment."""\n', encoding="utf-8")
    return folder
