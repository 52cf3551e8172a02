//! Templates: what is evaluated, and what is refused.

use super::template::{Outside, Template};


fn check(template: &str, payload: &str, expected: &str) {
    let rendered = Template::parse(template).and_then(|t| t.render(payload.as_bytes()));
    let told = match rendered {
        Ok(Some(value)) => value.to_string(),
        Ok(None) => "nothing".into(),
        Err(Outside) => "outside".into(),
    };
    assert_eq!(told, expected, "{template} {payload}");
}

#[test]
fn templates_as_bridges_write_them_are_evaluated() {
    check("{{ value }}", "ON", "\"ON\"");
    check("{{ value_json.state }}", r#"{"state":"on"}"#, "\"on\"");
    check(r#"{{ value_json["contact"] }}"#, r#"{"contact":false}"#, "false");
    check("{{ value_json['a']['b'][1] }}", r#"{"a":{"b":[1,2]}}"#, "2");
    check("{{ value_json.battery | is_defined }}", "{}", "nothing");
    check("{{ value_json.battery }}", "{}", "nothing");
    check("{{ value_json.t | float | round(1) }}", r#"{"t":"21.26"}"#, "21.3");
    check("{{ (value_json.p | float(0)) / 10 }}", r#"{"p":125}"#, "12.5");
    check("{{ 'ON' if value_json.x == 'open' else 'OFF' }}", r#"{"x":"open"}"#, "\"ON\"");
    check("{% if value_json.alarm %}ON{% else %}OFF{% endif %}", r#"{"alarm":true}"#, "\"ON\"");
    check("{% if value_json.n > 5 %}high{% elif value_json.n > 2 %}mid{% else %}low{% endif %}", r#"{"n":3}"#, "\"mid\"");
    check("{%- set x = value_json.a -%}{{ x ~ '!' }}", r#"{"a":"b"}"#, "\"b!\"");
    check("{{ value_json.a in ['x','y'] and not value_json.b is defined }}", r#"{"a":"y"}"#, "true");
    check("{{ value_json.get('a', 'none at all') | upper }}", "{}", "\"NONE AT ALL\"");
    check("{{ iif(value_json.a, 'ON', 'OFF') }}", r#"{"a":0}"#, "\"OFF\"");
    check("{{ value | int == 1 }}", "1", "true");
    check("plain }", "x", "\"plain }\"");
}

#[test]
fn what_reaches_beyond_the_message_is_refused() {
    for template in [
        "{{ states('sensor.x') }}",
        "{% for x in value_json %}{{ x }}{% endfor %}",
        "{{ value_json.a.__class__() }}",
        "{{ value | regex_replace('a','b') }}",
        "{{ value",
        "{% if value %}x",
        "{% endif %}",
        "{{ '\\x41' }}",
        &"(".repeat(500),
    ] {
        let template = if template.starts_with('(') { format!("{{{{ {template} }}}}") } else { template.to_owned() };
        check(&template, "1", "outside");
    }
    check("{{ value | float }}", "many", "outside");
}
