"""The form of a body that ``ach-access-sign`` covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambist import decode_json, encode_json
from cambist_alchemypay.signing import canonical

FORMS = {
    "keys are sorted": (b'{"b":1,"a":2}', b'{"a":2,"b":1}'),
    "capitals come first": (b'{"ab":1,"aB":2,"_":3,"Z":4}', b'{"Z":4,"_":3,"aB":2,"ab":1}'),
    "spaces go": (b'{ "a" : [ 1 , 2 ] }\n', b'{"a":[1,2]}'),
    "nulls and empty strings go": (
        b'{"a":null,"b":"","c":0,"d":false," ":" "}',
        b'{" ":" ","c":0,"d":false}',
    ),
    "empty lists and objects go": (b'{"a":[],"b":{},"c":[[],{},null,""],"d":{"e":{"f":""}}}', b"{}"),
    "what is inside is sorted too": (b'{"a":{"z":2,"x":1,"a":""}}', b'{"a":{"x":1,"z":2}}'),
    # The page's own example, in JSON.
    "lists are sorted by kind": (
        b'[{"x":1,"y":2},1,3,2,-4,1.1,"xxxxx","yyyy","jscx",0,"sss",{"z":2,"x":1,"a":""}]',
        b'[-4,0,1,2,3,1.1,"jscx","sss","xxxxx","yyyy",{"x":1,"y":2},{"x":1,"z":2}]',
    ),
    "other items keep their order": (b'[[2,1],true,{"b":1},[0],"a"]', b'["a",[1,2],true,{"b":1},[0]]'),
    "numbers keep their digits": (
        b'{"a":1.50,"b":100216928821071960014,"c":0.000000000000000001,"d":-0}',
        b'{"a":1.50,"b":100216928821071960014,"c":1E-18,"d":0}',
    ),
    "text stays as it is": ('{"a":"é/\\u4e2d<"}'.encode(), '{"a":"é/中<"}'.encode()),
    "a string": (b'"a"', b'"a"'),
    "no JSON": (b"{a:1}", b"{a:1}"),
    "not UTF-8": (b'{"a":"\xff"}', b'{"a":"\xff"}'),
    "empty": (b"", b""),
}


@pytest.mark.parametrize(("body", "form"), FORMS.values(), ids=FORMS)
def test_the_form_of_a_body(body: bytes, form: bytes) -> None:
    assert canonical(body) == form


def test_what_is_nested_too_deeply_stays_as_it_is() -> None:
    body = b'{"b":1,"a":' + b"[" * 900 + b"1" + b"]" * 900 + b"}"
    assert canonical(body) == body


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters(codec="utf-8"), max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner, max_size=4),
    ),
    max_leaves=15,
)


@given(document=JSON, random=st.randoms(use_true_random=False))
def test_the_form_does_not_depend_on_the_order_of_keys_and_is_its_own(
    document: object, random: object
) -> None:
    form = canonical(encode_json(document))
    assert canonical(form) == form
    if isinstance(document, dict):
        keys = list(document)
        random.shuffle(keys)  # type: ignore[attr-defined]
        assert canonical(encode_json({key: document[key] for key in keys})) == form
    decode_json(form)
