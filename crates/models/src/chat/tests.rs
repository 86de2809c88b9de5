//! Templates of real models, Python's methods, and templates that are hostile.

use super::*;

fn template(source: &str) -> ChatTemplate {
    ChatTemplate::new(source, [Some("<s>"), Some("</s>")], None).unwrap()
}

fn turns() -> Vec<ChatMessage> {
    let turn = |role: &str, text: &str| ChatMessage { role: role.to_owned(), ..ChatMessage::user(text) };
    vec![turn("user", " Where? "), turn("assistant", "There."), turn("user", "Sure?")]
}

#[test]
fn contents_are_texts_or_parts_as_the_template_reads_them() {
    let as_text = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] + '\n' }}{% endfor %}";
    let as_parts = "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] | trim }}{% endif %}{% endfor %};{% endfor %}";
    let both = "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}parts{% endif %}|{% endfor %}{{ bos_token }}";
    for (source, parts, text) in [
        (as_text, false, "[user]  Where? \n[assistant] There.\n[user] Sure?\n"),
        (as_parts, true, "Where?;There.;Sure?;"),
        (both, false, " Where? |There.|Sure?|<s>"),
    ] {
        let template = template(source);
        assert_eq!((template.parts, template.render(&turns()).unwrap().as_str()), (parts, text), "{source}");
    }
    let with_image = ChatMessage {
        role: "user".to_owned(),
        content: vec![ChatContent::Image, ChatContent::Text("What?".to_owned())],
    };
    assert_eq!(template(as_parts).render(&[with_image]).unwrap(), "<image>What?;");
}

#[test]
fn blocks_take_no_lines() {
    let source = "{%- for m in messages %}\n    {% if loop.first %}\n{{ m.role }}\n    {% endif %}\n{% endfor %}\nend\n";
    assert_eq!(template(source).render(&turns()).unwrap(), "user\nend");
}

#[test]
fn pythons_methods_are_there() {
    for (expression, text) in [
        ("' ab '.strip() + '.'", "ab."),
        ("'xxabx'.strip('x')", "ab"),
        ("'  ab '.lstrip() + '.'", "ab ."),
        ("' ab  '.rstrip()", " ab"),
        ("'a,b,c'.split(',')[1]", "b"),
        ("'a,b,c'.split(',', 1)[-1]", "b,c"),
        ("'a,b,c'.rsplit(',', 1)[0]", "a,b"),
        ("' a  b '.split() | join('-')", "a-b"),
        ("'</think>x</think>y'.split('</think>')[-1].lstrip('\\n')", "y"),
        ("'abc'.startswith('ab')", "True"),
        ("'abc'.endswith(('x', 'bc'))", "True"),
        ("'aXbX'.replace('X', '-')", "a-b-"),
        ("'aXbX'.replace('X', '-', 1)", "a-bX"),
        ("'ab'.upper() + 'CD'.lower() + 'ef gh'.title() + 'ij'.capitalize()", "ABcdEf GhIj"),
        ("'abcb'.find('b') ~ 'abcb'.rfind('b') ~ 'abc'.find('x')", "13-1"),
        ("', '.join(['a', 'b'])", "a, b"),
        ("'aba'.count('a')", "2"),
        ("{'a': 1}.get('a') ~ {'a': 1}.get('b', 2)", "12"),
        ("{'a': 1}.get('b') is none", "True"),
        ("{'a': 1}.items() | list | length", "1"),
        ("{'a': 1, 'b': 2}.keys() | join ~ {'a': 1, 'b': 2}.values() | join", "ab12"),
        ("{'a': [1, \"<é'\"], 'b': none} | tojson", "{\"a\": [1, \"<é'\"], \"b\": null}"),
        ("[1] | tojson(indent=2)", "[\n  1\n]"),
        ("'x'.removeprefix('x') + 'yx'.removesuffix('x')", "y"),
        ("strftime_now is defined", "False"),
    ] {
        let got = template(&format!("{{{{ {expression} }}}}")).render(&turns());
        assert_eq!(got.unwrap(), text, "{expression}");
    }
    let date = Date::new(2026, 7, 26);
    let dated = ChatTemplate::new("{{ strftime_now('%d %b %Y') }}", [None, None], date).unwrap();
    assert_eq!(dated.render(&turns()).unwrap(), "26 Jul 2026");
}

#[test]
fn hostile_templates_are_refused_by_name() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
    let doubling =
        "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}";
    let replacing = "{% set a = 'x' * 1000000 %}{{ a.replace('x', a) }}";
    let recursion = "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}";
    for (source, message) in [
        (endless, "does not end"),
        (doubling, "does not end, or makes too much"),
        (replacing, "replace: 1000001000000 bytes"),
        (recursion, "recursion"),
        ("{{ 'x' * 2000000 }}", "2000000 bytes of text"),
        ("{% include 'secret' %}", "secret"),
        ("{{ raise_exception('roles must alternate') }}", "refuses the conversation: roles must alternate"),
        ("{{ messages[0].nothing.more }}", "undefined"),
        ("{{ 'x'.nothing() }}", "method"),
        ("{{ strftime_now('%d') }}", "strftime_now"),
    ] {
        let error = template(source).render(&turns()).unwrap_err().to_string();
        assert!(error.starts_with("chat template: ") && error.contains(message), "{source}: {error}");
    }
    for source in ["{% for %}", "{{ ", "{% endfor %}"] {
        assert!(ChatTemplate::new(source, [None, None], None).is_err(), "{source}");
    }
    let long = "x".repeat(MAX_TEMPLATE_BYTES + 1);
    assert!(ChatTemplate::new(&long, [None, None], None).is_err());
}
