//! Names of sites, groups and devices: what is refused, and what would work instead.

use crate::Error;
use crate::limits::{ID_CHARS, PLACE_CHARS, SITE_NAME_CHARS};

/// `[a-z0-9-]`, at most 23: a level of a topic, a client id and a part of a host name at once.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=ID_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// "Salle 114" becomes `salle114`, "Serre du Collège" becomes `serre-du-college`. Empty if nothing
/// of the text can be written in ASCII.
pub(crate) fn slug(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => plain.push(c),
            _ => match without_accent(c) {
                Some(letters) => plain.push_str(letters),
                None => plain.push('-'),
            },
        }
    }
    let mut slug = String::new();
    for word in plain.split('-').filter(|word| !word.is_empty()) {
        // A number belongs to the word before it.
        if !slug.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()) {
            slug.push('-');
        }
        slug.push_str(word);
    }
    slug.truncate(ID_CHARS);
    slug.trim_end_matches('-').to_owned()
}

fn without_accent(c: char) -> Option<&'static str> {
    Some(match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'č' | 'ĉ' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' | 'ģ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'ķ' => "k",
        'ł' | 'ľ' | 'ļ' | 'ĺ' => "l",
        'ñ' | 'ń' | 'ň' | 'ņ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' => "o",
        'ŕ' | 'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ť' | 'ţ' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'æ' => "ae",
        'œ' => "oe",
        'ß' => "ss",
        'þ' => "th",
        // The combining accents of decomposed text, and the apostrophe of "l'atelier".
        '\u{300}'..='\u{36f}' | '\'' | '’' => "",
        _ => return None,
    })
}

/// The name of the site as people read it.
pub(crate) fn site_name(text: &str) -> Result<String, Error> {
    let name = text.trim();
    if name.is_empty() {
        return Err(Error::NameEmpty { field: "name" });
    }
    if name.chars().count() > SITE_NAME_CHARS || name.chars().any(invisible) {
        return Err(Error::NameInvalid { field: "name", offer: None });
    }
    Ok(name.to_owned())
}

pub(crate) fn place(text: &str) -> Result<String, Error> {
    let place = text.trim();
    if place.chars().count() > PLACE_CHARS || place.chars().any(invisible) {
        return Err(Error::NameInvalid { field: "place", offer: None });
    }
    Ok(place.to_owned())
}

/// Control characters, and those that turn the direction of the text around them.
fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

pub(crate) fn device_id(id: &str) -> Result<(), Error> {
    if id.is_empty() {
        return Err(Error::NameEmpty { field: "id" });
    }
    if is_id(id) {
        return Ok(());
    }
    Err(Error::NameInvalid { field: "id", offer: Some(slug(id)).filter(|slug| is_id(slug)) })
}

pub(crate) fn group(group: &str) -> Result<(), Error> {
    if is_id(group) {
        return Ok(());
    }
    Err(Error::GroupInvalid { offer: Some(slug(group)).filter(|slug| is_id(slug)) })
}

/// The next name that is free: `serre-04` for `serre-03`, `lamp-2` for `lamp`.
pub(crate) fn next_free(id: &str, taken: impl Fn(&str) -> bool) -> Option<String> {
    let stem = id.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = id.get(stem.len()..).unwrap_or_default();
    let (stem, width) = if digits.is_empty() { (format!("{id}-"), 1) } else { (stem.to_owned(), digits.len()) };
    let first: u64 = digits.parse().unwrap_or(1);
    (first + 1..first + 2_000).map(|number| format!("{stem}{number:0width$}")).find(|name| is_id(name) && !taken(name))
}

/// The next name of a class for a board that brings none: `groupe-a-01`.
pub(crate) fn pseudonym(group: &str, taken: impl Fn(&str) -> bool) -> Option<String> {
    let stem = group.get(..ID_CHARS - 4).unwrap_or(group).trim_end_matches('-');
    (1..1_000).map(|number| format!("{stem}-{number:02}")).find(|name| is_id(name) && !taken(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_spaces_become_a_slug() {
        let check = |text: &str, expected: &str| assert_eq!(slug(text), expected, "{text}");
        check("Salle 114", "salle114");
        check("Serre du Collège", "serre-du-college");
        check("L’atelier d'été", "latelier-dete");
        check("Œuvre & Straße", "oeuvre-strasse");
        check("e\u{301}cole", "ecole");
        check("--a--", "a");
        check("教室", "");
        check("un nom qui est vraiment beaucoup trop long", "un-nom-qui-est-vraiment");
    }

    #[test]
    fn every_slug_is_an_id_or_empty() {
        for text in ["Salle 114", "a-", "- -", "ÀÉ", "x".repeat(60).as_str(), "aaaaaaaaaaaaaaaaaaaaaa bbb", "<script>"]
        {
            let slug = slug(text);
            assert!(slug.is_empty() || is_id(&slug), "{text} -> {slug}");
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        for name in ["", "   ", "a\nb", "a\u{202e}b", "x".repeat(41).as_str()] {
            assert!(site_name(name).is_err(), "{name:?}");
        }
        for id in ["", "A", "a b", "a/b", "#", "+", "%u", "é", "-a", "a-", "x".repeat(24).as_str()] {
            assert!(device_id(id).is_err(), "{id:?}");
        }
        assert!(device_id("serre-04").is_ok());
    }

    #[test]
    fn a_board_without_a_name_gets_the_next_of_its_class() {
        let next = |group: &str| pseudonym(group, |name| ["groupe-a-01", "groupe-a-02"].contains(&name));
        assert_eq!(next("groupe-a").as_deref(), Some("groupe-a-03"));
        assert_eq!(next("une-classe-tres-longue-").as_deref(), Some("une-classe-tres-lon-01"));
        assert_eq!(pseudonym("a", |_| true), None);
    }

    #[test]
    fn a_taken_name_leads_to_the_next_free_one() {
        let taken = ["serre-04", "serre-05", "lamp"];
        let next = |id: &str| next_free(id, |name| taken.contains(&name));
        assert_eq!(next("serre-04").as_deref(), Some("serre-06"));
        assert_eq!(next("lamp").as_deref(), Some("lamp-2"));
    }
}
