"""Groups: never over a "not the same", never over two state ids, whatever the links."""

from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.match.cluster import Link, close

nodes = st.integers(0, 8)
pairs = st.tuples(nodes, nodes).filter(lambda pair: pair[0] != pair[1])
links = st.lists(st.builds(lambda pair, weight: Link(*pair, float(weight)), pairs, st.integers(1, 30)), max_size=25)


@settings(deadline=None)
@given(links, st.sets(pairs, max_size=6), st.sets(pairs, max_size=4), st.dictionaries(nodes, st.sampled_from(["A", "B"])))
def test_no_group_holds_what_is_apart_or_two_state_ids(found, apart, together, ids):
    closed = close(found, apart=apart, state_ids=ids)
    for group in closed.groups:
        assert not any(left in group and right in group for left, right in apart)
        assert len({ids[node] for node in group if node in ids}) <= 1
    with_people = close(found, apart=apart, together=together, state_ids=ids)
    for group in with_people.groups:
        assert not any(left in group and right in group for left, right in apart)


@settings(deadline=None)
@given(links, st.sets(pairs, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_links_does_not_count(found, apart, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert close(found, apart=apart) == close(shuffled, apart=apart)


def test_the_weakest_link_of_a_chain_is_refused():
    closed = close([Link("a", "b", 30.0), Link("b", "c", 20.0), Link("c", "d", 10.0)], apart=[("a", "d")])
    assert closed.groups == (("a", "b", "c"),)
    assert closed.refused == (Link("c", "d", 10.0),)


def test_what_a_person_put_together_stands_over_two_state_ids():
    closed = close([Link("b", "c", 20.0)], together=[("a", "b")], state_ids={"a": "1", "b": "2", "c": "2"})
    assert closed.groups == (("a", "b", "c"),)
