"""The manifest is read as it was written."""

from hypothesis import given
from hypothesis import strategies as st

from firstcard.card.manifest import Known, Manifest

hexes = st.text("0123456789abcdef", min_size=32, max_size=32)
known = st.builds(Known, hexes, st.one_of(st.just(""), hexes), st.booleans())
manifests = st.builds(
    Manifest,
    version=st.integers(0, 10**6),
    content=hexes,
    patrons=st.dictionaries(hexes, known, max_size=8),
    households=st.dictionaries(hexes, hexes, max_size=4),
)


@given(manifests)
def test_a_manifest_reads_as_it_was_written(manifest: Manifest) -> None:
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


@given(manifests)
def test_equal_manifests_are_equal_bytes_in_whatever_order_they_were_made(manifest: Manifest) -> None:
    turned = Manifest(
        manifest.version, manifest.content, dict(reversed([*manifest.patrons.items()])), dict(reversed([*manifest.households.items()]))
    )
    assert turned.to_bytes() == manifest.to_bytes()
