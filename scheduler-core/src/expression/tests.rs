//! The language as a whole: what parses, what does not and where, what holds, what is remarked.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// An instance that is what a test says it is.
#[derive(Default)]
struct Facts {
    attributes: BTreeMap<&'static str, Option<&'static str>>,
    groups: Vec<&'static str>,
    is_disconnected: bool,
    agent_version: &'static str,
    registered_at_ms: i64,
}

impl InstanceFacts for Facts {
    fn ec2_instance_id(&self) -> &'static str {
        "i-0a3"
    }

    fn attribute(&self, name: &AttributeName) -> AttributeLookup<'_> {
        match self.attributes.get(name.as_str()) {
            None => AttributeLookup::Missing,
            Some(None) => AttributeLookup::WithoutValue,
            Some(Some(value)) => AttributeLookup::Value(value),
        }
    }

    fn agent_connected(&self) -> bool {
        !self.is_disconnected
    }

    fn agent_version(&self) -> &str {
        self.agent_version
    }

    fn registered_at_ms(&self) -> i64 {
        self.registered_at_ms
    }

    fn running_tasks_count(&self) -> u64 {
        self.groups.len() as u64
    }

    fn any_task_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.groups.iter().any(|group| test(group))
    }
}

fn parse(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|error| panic!("{error}\n{}", error.pointer(text)))
}

/// The shared examples, or nothing, with a word about it, where the repository stands alone.
fn shared(file: &str) -> String {
    let path = format!("{}/../../shared/spec/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        eprintln!("SKIPPED: {path} is not there ({error})");
        String::new()
    })
}

#[test]
fn every_public_example_parses_and_survives_printing() {
    let templated = shared("cluster-query-templated.txt");
    let filled_in = templated.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('\t').nth(1));
    for line in shared("cluster-query-examples.txt").lines().chain(filled_in) {
        let expression = parse(line);
        assert_eq!(parse(&expression.to_string()), expression, "{line}");
    }
}

#[test]
fn every_invalid_example_is_in_the_table_of_errors() {
    for line in shared("cluster-query-invalid.txt").lines().filter(|line| !line.starts_with('#')) {
        let text = line.split('\t').next().unwrap_or_default();
        assert!(Expression::parse(text).is_err(), "{text}");
        assert!(invalid().any(|invalid| invalid.text == text), "add to the table: {text}");
    }
}

/// A text that does not parse, and the span and message of its error.
struct Invalid {
    text: String,
    span: Span,
    message: &'static str,
}

fn invalid() -> impl Iterator<Item = Invalid> {
    include_str!("tests_invalid.tsv").lines().filter(|line| !line.starts_with('#')).map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [text, start, end, message] = columns[..] else { panic!("four columns, not {line}") };
        let text = text.replace('␊', "\n").replace('␠', "\u{a0}");
        Invalid { text, span: Span::new(start.parse().unwrap(), end.parse().unwrap()), message }
    })
}

#[test]
fn an_error_points_and_says_what_would_be_right() {
    for Invalid { text, span, message } in invalid() {
        let error = Expression::parse(&text).unwrap_err();
        assert_eq!((error.span, &*error.to_string()), (span, message), "\n{}", error.pointer(&text));
    }
}

#[test]
fn two_thousand_characters_are_the_limit_not_bytes() {
    let prefix = "task:group == ";
    let longest = format!("{prefix}{}", "é".repeat(2000 - prefix.len()));
    parse(&longest);
    let error = Expression::parse(&format!("{longest}é")).unwrap_err();
    assert_eq!(error.kind, ParseErrorKind::TooLong { characters: 2001 });
    assert_eq!(error.span, Span::new(longest.len(), longest.len() + 2));
}

#[test]
fn nesting_is_bounded_and_safe_on_a_small_stack() {
    let nested = |depth: usize, open: &str, close: &str| {
        format!("{}attribute:a =~ x.*{}", open.repeat(depth), close.repeat(depth))
    };
    let check = move || {
        for (open, close) in [("(", ")"), ("!", ""), ("not(", ")"), ("! (", ")")] {
            let deepest = parse(&nested(128, open, close));
            assert_eq!(parse(&deepest.to_string()), deepest);
            assert!(!deepest.matches(&Facts::default()));
            let error = Expression::parse(&nested(129, open, close)).unwrap_err();
            assert_eq!(error.kind, ParseErrorKind::TooDeep, "{open}");
            assert_eq!(error.span.start, 128 * open.len());
        }
        for (text, start) in [("(".repeat(2000), 128), ("!".repeat(2000), 128), ("[".repeat(2000), 0)] {
            assert_eq!(Expression::parse(&text).unwrap_err().span.start, start);
        }
        let pattern = |depth: usize| format!("attribute:a =~ '{}{}'", "(a|[".repeat(depth), "b])*".repeat(depth));
        assert!(Expression::parse(&pattern(20)).is_ok());
        assert!(Expression::parse(&pattern(200)).is_err());
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(check).unwrap().join().unwrap();
}

#[test]
fn the_canonical_text_is_the_shortest_in_quotes_and_parentheses() {
    let check = |text: &str, canonical: &str| {
        let expression = parse(text);
        assert_eq!(expression.to_string(), canonical);
        assert_eq!(expression.text(), text);
        assert_eq!(parse(canonical), expression);
    };
    let a = "attribute:a exists";
    check("attribute:a==b", "attribute:a == b");
    check("attribute:a == 'b'", "attribute:a == b");
    check("attribute:a == \"b c\"", "attribute:a == 'b c'");
    check("attribute:a == \"it's\"", "attribute:a == \"it's\"");
    check("attribute:a == ''", "attribute:a == ''");
    check("attribute:a == '=b'", "attribute:a == '=b'");
    check("attribute:a == 'b&&c'", "attribute:a == 'b&&c'");
    check("attribute:a == in", "attribute:a == in");
    check("attribute:a == and", "attribute:a == and");
    check("attribute:a EQUALS b", "attribute:a == b");
    check("attribute:a in[b,'c d']", "attribute:a in [b, 'c d']");
    check("attribute:a not_in [b]", "attribute:a !in [b]");
    check("attribute:a!in[b]", "attribute:a !in [b]");
    check("attribute:a!exists", "attribute:a !exists");
    check("attribute:a NOT_EXISTS", "attribute:a !exists");
    check("attribute:a =~ '(b|c).*'", "attribute:a =~ '(b|c).*'");
    check("attribute:a=~!b'\"[,]", "attribute:a =~ !b'\"[,]");
    check("attribute:a\t!~\r\nb.*", "attribute:a !~ b.*");
    check("registeredAt < 2018-06-18", "registeredAt < 2018-06-18T00:00:00Z");
    check("registeredAt < 2018-06-18T22:28:28+02:00", "registeredAt < 2018-06-18T20:28:28Z");
    check("runningTasksCount == '007'", "runningTasksCount == 7");
    check("agentVersion<1.14.5-rc1", "agentVersion < 1.14.5-rc1");
    check(&format!("(({a}) and ({a} and {a}))"), &format!("{a} and {a} and {a}"));
    check(&format!("({a} or {a})&&{a}"), &format!("({a} or {a}) and {a}"));
    check(&format!("({a} and {a}) || {a}"), &format!("{a} and {a} or {a}"));
    check(&format!("{a} Or ({a} or {a})"), &format!("{a} or {a} or {a}"));
    check(&format!("!{a}"), &format!("not({a})"));
    check(&format!("NOT !({a} or {a})"), &format!("not(not({a} or {a}))"));
    check(&format!("{a} and(not {a})"), &format!("{a} and not({a})"));
}

#[test]
fn text_that_would_print_too_long_prints_as_written() {
    let text = vec!["!attribute:a==b"; 110].join("||");
    let expression = parse(&text);
    assert_eq!(expression.to_string(), text);
}

#[test]
fn not_binds_tighter_than_and_and_and_tighter_than_or() {
    let check = |text: &str, grouped: &str| assert_eq!(parse(text), parse(grouped), "{text}");
    let (a, b, c) = ("attribute:a exists", "attribute:b exists", "attribute:c exists");
    check(&format!("{a} or {b} and {c}"), &format!("{a} or ({b} and {c})"));
    check(&format!("{a} and {b} or {c}"), &format!("({a} and {b}) or {c}"));
    check(&format!("not {a} and {b}"), &format!("(not {a}) and {b}"));
    check(&format!("!{a} || {b}"), &format!("(!({a})) or {b}"));
    assert_ne!(parse(&format!("{a} or {b} and {c}")), parse(&format!("({a} or {b}) and {c}")));
}

#[test]
fn comparisons_hold_as_documented() {
    let mut facts = Facts { agent_version: "1.14.5", registered_at_ms: 1_529_360_908_000, ..Facts::default() };
    facts.attributes.extend([
        ("ecs.instance-type", Some("t2.micro")),
        ("stack2", Some("prod")),
        ("n", Some("10")),
        ("gpu", None),
        ("blank", Some("")),
    ]);
    facts.groups.extend(["service:web", "family:job"]);
    let check = |text: &str, expected| assert_eq!(parse(text).matches(&facts), expected, "{text}");
    // T11, T12: `!=` is false without the attribute, `not` negates the answer.
    check("attribute:stack != prod", false);
    check("not(attribute:stack == prod)", true);
    for operator in ["== x", "!= x", "< x", ">= x", "in [x]", "!in [x]", "=~ x", "!~ x", "!~ .*", "!= ''", "== ''"] {
        for name in ["stack", "gpu", "blank"] {
            check(&format!("attribute:{name} {operator}"), false);
        }
    }
    check("attribute:stack exists", false);
    check("attribute:stack !exists", true);
    check("attribute:gpu exists and attribute:blank exists", true);
    check("attribute:gpu !exists", false);
    // T13: the whole value must match.
    check("attribute:ecs.instance-type =~ t2.*", true);
    check("attribute:ecs.instance-type =~ 2.*", false);
    check("attribute:ecs.instance-type =~ t2", false);
    check("attribute:ecs.instance-type !~ t2.*", false);
    check("attribute:ecs.instance-type !~ t3.*", true);
    check("attribute:ecs.instance-type in [a, t2.micro]", true);
    check("attribute:ecs.instance-type !in [a, t2.micro]", false);
    check("attribute:ecs.instance-type == T2.MICRO", false);
    check("attribute:stack2 != prod", false);
    check("attribute:stack2 != dev", true);
    check("attribute:n > 9", true);
    check("attribute:n > 9a", false);
    check("attribute:n <= 10.0", true);
    check("attribute:n == 10.0", false);
    check("agentVersion < 1.14.5", false);
    check("agentVersion >= 1.9", true);
    check("agentVersion == 1.14.5", true);
    check("agentVersion == 1.14.5.0", false);
    check("agentConnected == true and agentConnected != false", true);
    check("agentConnected in [false]", false);
    check("agentConnected =~ t.*e", true);
    check("ec2InstanceId == i-0a3 and ec2InstanceId !in [i-1, i-2]", true);
    check("registeredAt == 2018-06-18T22:28:28", true);
    check("registeredAt > 2018-06-18 and registeredAt < 2018-06-19", true);
    check("runningTasksCount == 2 and runningTasksCount > -1 and runningTasksCount < +3", true);
    check("runningTasksCount >= 9223372036854775807", false);
    check("task:group == service:web", true);
    check("task:group != service:web", false);
    check("task:group != service:db", true);
    check("task:group in [service:db, family:job]", true);
    check("task:group !in [service:db, family:job]", false);
    check("task:group =~ service:.*", true);
    check("task:group !~ service:.*", false);
    check("task:group exists", true);
    check("task:group !exists", false);
    check("(attribute:stack exists or agentConnected == true) and not attribute:stack exists", true);
}

#[test]
fn an_instance_without_tasks_has_no_group() {
    let facts = Facts { is_disconnected: true, agent_version: "unknown", ..Facts::default() };
    let check = |text: &str, expected| assert_eq!(parse(text).matches(&facts), expected, "{text}");
    check("task:group exists", false);
    check("task:group !exists", true);
    check("task:group != service:web", true);
    check("task:group !~ .*", true);
    check("agentConnected == false", true);
    check("agentVersion < 2 or agentVersion >= 2", false);
    check("agentVersion != 2", true);
}

#[test]
fn an_expression_knows_what_it_reads() {
    let check = |text: &str, is_static, reads_tasks, names: &[&str]| {
        let expression = parse(text);
        let found: Vec<&str> = expression.attribute_names().iter().map(AttributeName::as_str).collect();
        assert_eq!((expression.is_static(), expression.reads_tasks(), &*found), (is_static, reads_tasks, names));
    };
    check("attribute:b exists and not(attribute:a == x or attribute:b == y)", true, false, &["a", "b"]);
    check("attribute:b exists and task:group exists", false, true, &["b"]);
    check("runningTasksCount == 0", false, true, &[]);
    check("agentConnected == true or ec2InstanceId == x", false, false, &[]);
}

#[test]
fn lints_point_and_say_what_was_meant() {
    let data = include_str!("tests_lints.txt");
    let mut found = String::new();
    for text in data.lines().filter(|line| !line.starts_with(['#', ' '])) {
        writeln!(found, "{text}").unwrap();
        let lints = parse(text).lints();
        assert!(lints.is_sorted_by_key(|lint| lint.span), "{text}");
        for lint in lints {
            writeln!(found, "  {}\t{lint}", &text[lint.span.start..lint.span.end]).unwrap();
        }
    }
    assert_eq!(found, data.split_once('\n').unwrap().1);
}

/// Values and patterns of every awkward kind, in quotes where the grammar asks for them.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.:/-]{1,8}",
        "'[^']{0,8}'",
        "\"[^\"]{0,8}\"",
        prop::sample::select(vec!["and", "in", "not", "é", "-1.50", "a&b", "a|b", "x=~y", "\\"])
            .prop_map(str::to_owned),
    ]
}

fn any_comparison() -> impl Strategy<Value = String> {
    let subject = prop::sample::select(vec!["attribute:a", "attribute:ecs.os-type", "task:group", "ec2InstanceId"]);
    let equality = prop::sample::select(vec!["==", "!=", " equals ", " NOT_EQUALS "]);
    let list = prop::sample::select(vec![" in", "!in", " not_in "]);
    let matching = prop::sample::select(vec!["=~", "!~", " matches "]);
    let pattern = prop::sample::select(vec!["t2.*", "'(a|b)\\d+'", "[,]'\"", "\"it's\"", "x{2}", "''"]);
    prop_oneof![
        (subject.clone(), equality, any_value())
            .prop_map(|(subject, operator, value)| { format!("{subject}{operator}{value} ") }),
        (subject.clone(), list, prop::collection::vec(any_value(), 1..4))
            .prop_map(|(subject, operator, values)| { format!("{subject}{operator}[{}]", values.join(" ,")) }),
        (subject, matching, pattern).prop_map(|(subject, operator, pattern)| format!("{subject}{operator}{pattern} ")),
        any::<i64>().prop_map(|count| format!("runningTasksCount>={count} ")),
        (0i64..4_000_000_000).prop_map(|seconds| {
            let mut text = "registeredAt<".to_owned();
            value::write_instant(&mut text, seconds * 1000).unwrap();
            text + " "
        }),
        Just("attribute:gpu exists ".to_owned()),
    ]
}

fn any_expression() -> impl Strategy<Value = String> {
    any_comparison().prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|operand| format!("!{operand}")),
            inner.clone().prop_map(|operand| format!("not ({operand})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} and {right})")),
            (inner.clone(), inner).prop_map(|(left, right)| format!("({left}||{right})")),
        ]
    })
}

proptest! {
    #[test]
    fn expression_survives_print_and_parse(text in any_expression()) {
        prop_assume!(text.chars().count() <= Expression::MAX_CHARACTERS);
        let expression = match Expression::parse(&text) {
            Ok(expression) => expression,
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{}", error.pointer(&text)))),
        };
        let canonical = expression.to_string();
        let again = Expression::parse(&canonical);
        prop_assert_eq!(again.as_ref(), Ok(&expression), "{}", canonical);
        prop_assert_eq!(again.unwrap().to_string(), canonical);
        expression.lints();
        expression.matches(&Facts::default());
    }

    #[test]
    fn any_text_parses_or_has_an_error_inside_it(text in any_text()) {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len());
            prop_assert!(text.is_char_boundary(error.span.start) && text.is_char_boundary(error.span.end));
            let pointer = error.pointer(&text);
            prop_assert_eq!(pointer.lines().count(), 2, "{}", pointer);
            prop_assert!(!pointer.replace('\n', "").contains(char::is_control));
            prop_assert!(!error.to_string().contains(char::is_control), "{}", error);
        }
    }
}

/// Nearly expressions, and anything at all.
fn any_text() -> impl Strategy<Value = String> {
    let pieces = vec![
        "attribute:a",
        "attribute:",
        "task:group",
        "agentVersion",
        "runningTasksCount",
        "registeredAt",
        "==",
        "!=",
        "=~",
        "!~",
        "<",
        "=",
        "!",
        "in",
        "!in",
        "exists",
        "!exists",
        "not",
        "and",
        "or",
        "&&",
        "||",
        "&",
        "(",
        ")",
        "[",
        "]",
        ",",
        "'",
        "\"",
        " ",
        "\n",
        "\t",
        "\u{a0}",
        "é",
        "日",
        "x",
        "1.2",
        "(?i)a",
        "*",
        "\\",
        "a)|(b",
        "\u{1b}",
        "memberOf",
    ];
    prop_oneof![
        prop::collection::vec(prop::sample::select(pieces), 0..14).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}
