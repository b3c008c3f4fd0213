"""The manifest is read as it was written."""

import gzip
import json
import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from firstcard.card.manifest import Known, Manifest, half_applied
from firstcard.card.traits import UNKNOWN, Traits

hexes = st.text("0123456789abcdef", min_size=32, max_size=32)
digests = st.lists(st.text("0123456789abcdef", min_size=6, max_size=6), max_size=3).map(tuple)
traits = st.builds(Traits, digests, digests)
known = st.builds(Known, hexes, st.one_of(st.just(""), hexes), st.booleans(), st.booleans(), traits)
manifests = st.builds(
    Manifest,
    version=st.integers(0, 10**6),
    content=hexes,
    patrons=st.dictionaries(hexes, known, max_size=8),
    households=st.dictionaries(hexes, hexes, max_size=4),
    unplaced=st.integers(0, 9),
    left=st.dictionaries(hexes, traits, max_size=4),
    id_lengths=st.dictionaries(
        st.sampled_from(["student", "staff"]), st.dictionaries(st.integers(1, 64), st.integers(1, 10**6), max_size=4)
    ),
    dated=st.one_of(st.just(""), st.dates().map(str)),
)


@given(manifests)
def test_a_manifest_reads_as_it_was_written(manifest: Manifest) -> None:
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


@given(manifests)
def test_equal_manifests_are_equal_bytes_in_whatever_order_they_were_made(manifest: Manifest) -> None:
    turned = Manifest(
        manifest.version,
        manifest.content,
        dict(reversed([*manifest.patrons.items()])),
        dict(reversed([*manifest.households.items()])),
        manifest.unplaced,
        dict(reversed([*manifest.left.items()])),
        {role: dict(reversed([*counts.items()])) for role, counts in reversed([*manifest.id_lengths.items()])},
        manifest.dated,
    )
    assert turned.to_bytes() == manifest.to_bytes()


@given(manifests)
def test_a_manifest_from_before_traits_and_lengths_were_kept_knows_none(manifest: Manifest) -> None:
    body = json.loads(gzip.decompress(manifest.to_bytes()))
    del body["left"], body["id_lengths"], body["dated"]
    body["patrons"] = {token: row[:4] for token, row in body["patrons"].items()}
    read = Manifest.from_bytes(gzip.compress(json.dumps(body).encode()))
    assert read.patrons.keys() == manifest.patrons.keys()
    assert all(k.traits == UNKNOWN for k in read.patrons.values())
    assert (read.left, read.id_lengths, read.dated) == ({}, {}, "")


@given(manifests, manifests)
def test_whoever_a_half_applied_plan_touched_may_be_who_was_before_or_who_came_after(one: Manifest, planned: Manifest) -> None:
    half = half_applied(one, planned)
    assert half.patrons.keys() == one.patrons.keys() | planned.patrons.keys()
    for token, patron in half.patrons.items():
        for side in (one, planned):
            assert not (token in side.patrons and side.patrons[token].traits.somebody_else(patron.traits))
    assert half.left.keys() == (one.left.keys() | planned.left.keys()) - half.patrons.keys()
    assert half.id_lengths == planned.id_lengths


def test_a_half_applied_plan_leaves_the_question_whether_the_roll_out_is_narrower() -> None:
    assert half_applied(Manifest(rollout="wide"), Manifest(rollout="narrow")).rollout == "wide"


def test_traits_cost_a_large_district_less_than_two_megabytes() -> None:
    draw = random.Random(1)
    people = {draw.randbytes(16).hex(): Known(draw.randbytes(16).hex(), draw.randbytes(16).hex()) for _ in range(15_000)}
    bare = Manifest(patrons=people)
    full = Manifest(
        patrons={t: replace(k, traits=Traits((draw.randbytes(3).hex(),), (draw.randbytes(3).hex(),))) for t, k in people.items()}
    )
    assert len(full.to_bytes()) - len(bare.to_bytes()) < 2_000_000 * len(people) / 150_000


@given(manifests, st.lists(st.sampled_from(["", "0a1b2c", "0a1b2c.3d4e5f"]), min_size=8, max_size=8))
def test_places_are_read_as_they_were_written_and_a_manifest_from_before_them_has_none(manifest: Manifest, places: list[str]) -> None:
    patrons = {t: replace(k, place=place) for (t, k), place in zip(manifest.patrons.items(), places, strict=False)}
    placed = replace(manifest, patrons=patrons)
    assert Manifest.from_bytes(placed.to_bytes()) == placed
    body = json.loads(gzip.decompress(placed.to_bytes()))
    body.pop("places", None)
    assert Manifest.from_bytes(gzip.compress(json.dumps(body).encode())) == manifest


def test_places_cost_a_large_district_less_than_a_megabyte() -> None:
    draw = random.Random(1)
    rooms = [f"{draw.randbytes(3).hex()}.{draw.randbytes(3).hex()}" for _ in range(600)]
    people = {draw.randbytes(16).hex(): Known(draw.randbytes(16).hex(), draw.randbytes(16).hex()) for _ in range(15_000)}
    placed = {t: replace(k, place=draw.choice(rooms)) for t, k in people.items()}
    more = len(Manifest(patrons=placed).to_bytes()) - len(Manifest(patrons=people).to_bytes())
    assert more < 1_000_000 * len(people) / 150_000
