//! How a foreign text is written in each syntax so that it stays a text.
//!
//! The site's name is free text. It may hold quotes, line ends, comment ends, letters that turn
//! the reading direction round: whatever it holds, what stands around it must stay what it was.

/// Line ends, control characters, and characters that are not seen but change what is: direction
/// marks and other invisible ones, and the two that no XML may hold.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

fn each(text: &str, write: impl Fn(&mut String, char)) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        write(&mut out, c);
        out
    })
}

/// Inside a C or C++ string. Octal, because a hexadecimal escape would swallow the digits after it.
pub fn c_string(text: &str) -> String {
    each(text, |out, c| match c {
        '"' | '\\' | '?' => out.extend(['\\', c]),
        '<' | '>' => out.push_str(&format!("\\{:03o}", u32::from(c))),
        c if c.is_ascii_control() => out.push_str(&format!("\\{:03o}", u32::from(c))),
        c if hidden(c) => out.push(' '),
        c => out.push(c),
    })
}

/// Inside a JSON string, and safe inside a page too.
pub fn json_string(text: &str) -> String {
    each(text, |out, c| match c {
        '"' | '\\' => out.extend(['\\', c]),
        '\n' => out.push_str("\\n"),
        c if hidden(c) || matches!(c, '<' | '>' | '&') => {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
        c => out.push(c),
    })
}

/// Inside double quotes in TOML, YAML, Python, JavaScript and JSON alike.
pub fn quoted(text: &str) -> String {
    each(text, |out, c| match c {
        '"' | '\\' => out.extend(['\\', c]),
        '\n' => out.push_str("\\n"),
        c if hidden(c) => out.push(' '),
        c => out.push(c),
    })
}

/// Inside single quotes of a shell.
pub fn shell(text: &str) -> String {
    each(text, |out, c| match c {
        '\'' => out.push_str("'\\''"),
        c if hidden(c) => out.push(' '),
        c => out.push(c),
    })
}

/// A text or an attribute of XML and HTML.
pub fn xml(text: &str) -> String {
    each(text, |out, c| match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        c if hidden(c) => out.push(' '),
        c => out.push(c),
    })
}

/// One word of a command line that knows no quotes: what would end it or begin another is left out.
pub fn word(text: &str) -> String {
    text.chars().filter(|&c| !hidden(c) && !c.is_whitespace() && c != ';').collect()
}

/// In the rest of a line: an INI value, a line of a text.
pub fn line(text: &str) -> String {
    let line = each(text, |out, c| out.push(if hidden(c) { ' ' } else { c }));
    line.trim().to_owned()
}

/// In a comment of any language: it can neither end there nor, by a backslash at the end of its
/// line, swallow the line below.
pub fn comment(text: &str) -> String {
    let plain = each(&line(text), |out, c| {
        out.push(match c {
            '\\' => '/',
            '<' => '‹',
            '>' => '›',
            c => c,
        });
    });
    plain.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
}

/// A PEM text between the delimiters of a raw string: only what PEM is made of.
pub fn pem(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | ' ' | '\n')).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_syntax_keeps_its_own_ends_out() {
        assert_eq!(c_string("a\"b\\c\n?\u{7}1</"), "a\\\"b\\\\c\\012\\?\\0071\\074/");
        assert_eq!(json_string("a\"\\\n\t</s>&é"), "a\\\"\\\\\\n\\u0009\\u003c/s\\u003e\\u0026é");
        assert_eq!(line(" a\r\n[x]\u{2028}b "), "a  [x] b");
        assert_eq!(comment("a */ b \\"), "a * / b /");
        assert_eq!(comment("*\\"), "* /");
        assert_eq!(comment("</script>"), "‹/script›");
        assert_eq!(quoted("a\"\\\n\u{1}<é\u{e0001}"), "a\\\"\\\\\\n <é ");
        assert_eq!(shell("it's $(x)\n"), "it'\\''s $(x) ");
        assert_eq!(xml("<a b='\"'>&\0\u{ffff}"), "&lt;a b=&#39;&quot;&#39;&gt;&amp;  ");
        assert_eq!(word(" a;b\tc\u{202e} "), "abc");
        assert_eq!(pem("-----BEGIN X-----\nAb+/=\n)PEM\"\r\0"), "-----BEGIN X-----\nAb+/=\nPEM");
    }

    #[test]
    fn direction_marks_do_not_reach_a_source_file() {
        let text = "a\u{202e}b\u{2066}c\u{200b}";
        assert_eq!(c_string(text), "a b c ");
        assert_eq!(comment(text), "a b c");
        assert_eq!(json_string(text), "a\\u202eb\\u2066c\\u200b");
    }

    proptest! {
        #[test]
        fn any_text_survives_a_json_string(text in any::<String>()) {
            let read: String = serde_json::from_str(&format!("\"{}\"", json_string(&text))).unwrap();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn a_c_string_holds_no_unescaped_quote_and_no_line_end(text in any::<String>()) {
            let mut escaped = false;
            for c in c_string(&text).chars() {
                prop_assert!(!c.is_control());
                prop_assert!(escaped || c != '"');
                escaped = !escaped && c == '\\';
            }
            prop_assert!(!escaped, "the closing quote would be escaped");
        }

        #[test]
        fn a_comment_stays_on_its_line_and_ends_nothing(text in any::<String>()) {
            let comment = comment(&text);
            prop_assert!(!comment.contains(['\\', '\n', '\r', '<', '>']));
            prop_assert!(!comment.contains("*/") && !comment.contains("/*") && !comment.contains("??"));
        }
    }
}
