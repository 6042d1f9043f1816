//! Patterns: what matches, what is refused, and where.

use super::*;

fn check_matches(pattern: &str, matching: &[&str], others: &[&str]) {
    let compiled = Pattern::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    for value in matching {
        assert!(compiled.is_match(value), "{pattern} should match {value}");
    }
    for value in others {
        assert!(!compiled.is_match(value), "{pattern} should not match {value}");
    }
}

#[test]
fn the_whole_value_must_match() {
    check_matches("t2.*", &["t2.micro", "t20.x", "t2"], &["xt2.a", "t3", ""]);
    check_matches(r"t2\..*", &["t2.micro"], &["t20.x"]);
    check_matches("a|ab", &["a", "ab"], &["abc", "b"]);
    check_matches("a*?", &["", "a", "aa"], &["ab"]);
    check_matches("(a|b)c?", &["a", "bc"], &["ab"]);
    check_matches("^a$", &["a"], &["aa"]);
    check_matches("(?m)^a$", &["a"], &["a\na", "a\n"]);
    check_matches("us-east-1*", &["us-east-", "us-east-11"], &["us-east-1a"]);
    check_matches("", &[""], &["a"]);
    check_matches("green", &["green"], &["greens", "Green"]);
    check_matches(".*", &["", "a", "é"], &["a\nb"]);
    check_matches("(?s).*", &["a\nb"], &[]);
    check_matches("a.*", &["a", "ab"], &["a\n"]);
    check_matches("..", &["日本", "ab"], &["a", "é"]);
}

#[test]
fn escapes_and_flags_mean_what_java_means() {
    check_matches("(?i)arm64", &["ARM64", "arm64", "Arm64"], &["arm"]);
    check_matches(r"\d+", &["123"], &["١٢٣", "a"]);
    check_matches(r"[\d.]+", &["1.2"], &["١"]);
    check_matches(r"\w+", &["a_1"], &["é", "-"]);
    check_matches(r"\W", &["é", "-"], &["a"]);
    check_matches(r"a\sb", &["a b"], &["a\u{a0}b"]);
    check_matches(r"\<a\>", &["<a>"], &["a"]);
    check_matches(r"[a-z&&[^b]]", &["a"], &["b"]);
    check_matches(r"\ba\b", &["a"], &["ab"]);
    check_matches("(?<name>a)b", &["ab"], &[]);
}

#[test]
fn what_is_no_pattern_is_refused_at_its_place() {
    use PatternErrorKind as Kind;
    use UnsupportedFeature as Feature;
    let check = |pattern: &str, start: usize, end: usize, kind: PatternErrorKind| {
        assert_eq!(Pattern::new(pattern), Err(PatternError { span: Span::new(start, end), kind }), "{pattern}");
    };
    let unsupported =
        |pattern: &str, start: usize, end: usize, feature| check(pattern, start, end, Kind::Unsupported(feature));
    unsupported("a(?=b)", 1, 4, Feature::LookAround);
    unsupported("a(?!b)", 1, 4, Feature::LookAround);
    unsupported("(?<=b)a", 0, 4, Feature::LookAround);
    unsupported("(?<!b)a", 0, 4, Feature::LookAround);
    unsupported(r"(a)\1", 3, 5, Feature::BackReference);
    unsupported(r"(?<n>a)\k<n>", 7, 9, Feature::BackReference);
    unsupported("ba*+", 3, 4, Feature::PossessiveQuantifier);
    unsupported("a++", 2, 3, Feature::PossessiveQuantifier);
    unsupported("a?+", 2, 3, Feature::PossessiveQuantifier);
    unsupported("(a{2}+)", 5, 6, Feature::PossessiveQuantifier);
    unsupported("é(?>a)", 2, 5, Feature::AtomicGroup);
    unsupported(r"\Qa.b\E", 0, 2, Feature::QuotedLiteral);
    unsupported(r"\h", 0, 2, Feature::Escape('h'));
    unsupported(r"a\p{Lower}", 1, 10, Feature::CharacterProperty);
    unsupported("[[:alpha:]]", 1, 10, Feature::ColonClass);
    unsupported("[a-z--b]", 1, 7, Feature::ClassOperator);
    check("a)|(b", 1, 2, Kind::UnopenedGroup);
    check("(a", 0, 1, Kind::UnclosedGroup);
    check("[", 0, 1, Kind::UnclosedClass);
    check("[z-a]", 1, 4, Kind::ClassRange);
    check("*t2", 0, 1, Kind::NothingToRepeat);
    check("a**", 2, 3, Kind::DoubleRepetition);
    check("a{2,1}", 1, 6, Kind::RepetitionCount);
    check("é(?z)", 4, 5, Kind::Flags);
    check(r"a\", 1, 2, Kind::Escape);
    check(r"\y", 0, 2, Kind::Escape);
    check("(?<1>a)", 3, 4, Kind::GroupName);
    check("(?-u)[^a]", 5, 9, Kind::Invalid);
    check("(a{1000}){1000}", 0, 15, Kind::TooLarge { limit: Pattern::SIZE_LIMIT });
    check(r"(((\w{900}){900}){900}){900}", 0, 28, Kind::TooLarge { limit: Pattern::SIZE_LIMIT });
    let nested = format!("{}a{}", "(".repeat(101), ")".repeat(101));
    check(&nested, 100, 103, Kind::TooDeep { limit: Pattern::NESTING_LIMIT });
    check(&"(".repeat(1000), 999, 1000, Kind::UnclosedGroup);
}

#[test]
fn plain_patterns_need_no_program() {
    let is_plain = |text: &str| !matches!(Pattern::new(text).unwrap().program, Program::Regex(_));
    assert!(["green", "t2.*", r"595\..*", ".*", "a.b"].map(is_plain) == [true, true, true, true, false]);
}
