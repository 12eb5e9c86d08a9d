use super::draw::{ink, lines};
use super::font::Face;
use super::layout::{LABEL_EXPIRES, label_lines};
use super::*;

fn sheet(format: Format) -> Sheet {
    Sheet {
        title: "Salle 114".into(),
        subtitle: "Lycée des Tilleuls".into(),
        note: "Chaque code ne sert qu’une fois.\nÀ scanner avant le 02/12/2026.".into(),
        footer: "Autre adresse : 192.168.1.20".into(),
        page: "planche {page} sur {pages}".into(),
        address: "Adresse".into(),
        topic: "Sujet".into(),
        password: "Mot de passe".into(),
        language: "fr".into(),
        format,
        cut_lines: true,
    }
}

fn cards(count: usize) -> Vec<Card> {
    (1..=count)
        .map(|number| Card {
            name: format!("serre-{number:02}"),
            group: "groupe-a".into(),
            code: Some(format!("http://192.168.114.120:8480/c#{number:026}")),
            address: "salle114.local : 8883".into(),
            topic: format!("salle114/groupe-a/serre-{number:02}/measures"),
            password: None,
            expires: "avant le 02/12/2026".into(),
        })
        .collect()
}

#[test]
fn the_same_cards_make_the_same_bytes() {
    for format in [Format::Cards, Format::Labels] {
        let once = pdf(&sheet(format), &cards(31)).unwrap();
        assert!(once == pdf(&sheet(format), &cards(31)).unwrap());
        assert!(once.starts_with(b"%PDF-"));
        assert!(once != pdf(&sheet(format), &cards(30)).unwrap());
    }
}

#[test]
fn sheets_hold_ten_cards_or_thirty_labels() {
    let sheets = |format: Format, count: usize| {
        let bytes = pdf(&sheet(format), &cards(count)).unwrap();
        String::from_utf8_lossy(&bytes)
            .matches("/Type /Page\n")
            .count()
            .max(String::from_utf8_lossy(&bytes).matches("/Type/Page/").count())
    };
    for (format, count, expected) in
        [(Format::Cards, 10, 1), (Format::Cards, 11, 2), (Format::Labels, 30, 1), (Format::Labels, 31, 2)]
    {
        assert_eq!(format.sheets(count), expected);
        assert_eq!(sheets(format, count), expected, "{format:?} {count}");
    }
}

#[test]
fn a_code_that_is_too_long_is_refused() {
    let mut long = cards(1);
    long[0].code = Some("x".repeat(3_000));
    assert!(matches!(pdf(&sheet(Format::Cards), &long), Err(Error::QrTooLong { len: 3_000 })));
}

#[test]
fn a_topic_is_cut_behind_its_slashes_alone() {
    let topic = "salle114/groupe-a/serre-01/measures";
    let mono = ink(Face::Mono, 8.0);
    let narrow = lines(topic, mono, 40.0);
    assert!(narrow.len() > 1 && narrow.concat() == topic);
    assert!(narrow[..narrow.len() - 1].iter().all(|line| line.ends_with('/')));
    assert_eq!(lines(topic, mono, 400.0), [topic]);
}

#[test]
fn a_long_name_shrinks_until_it_fits() {
    let name = "w".repeat(23);
    let big = ink(Face::Bold, 14.0);
    assert!(big.width(&name) > 42.0);
    assert!(big.fitted(&name, 42.0).width(&name) <= 42.1);
}

#[test]
fn letters_that_the_fonts_lack_are_known() {
    assert!(can_print("Lycée des Tilleuls · Œuvre, n° 3"));
    assert!(!can_print("教室"));
}

#[test]
fn the_longest_names_and_a_password_fit_on_a_label() {
    let long = "w".repeat(23);
    let mut cards = cards(2);
    cards[0].password = Some("K7QH-2M9D-XW4T-PB8R".into());
    cards[1] = Card {
        name: long.clone(),
        group: long.clone(),
        topic: format!("{long}/{long}/{long}/measures"),
        ..cards[0].clone()
    };
    for card in &cards {
        let placed = label_lines(card, 35.4);
        let heights: Vec<f32> = placed.iter().map(|(at, _, _)| *at).collect();
        assert!(heights.windows(2).all(|pair| pair[1] - pair[0] > 2.0), "{heights:?}");
        assert!(heights.iter().all(|at| *at < LABEL_EXPIRES - 2.0), "{heights:?}");
        assert_eq!(placed.last().map(|(_, _, text)| text.as_str()), Some("K7QH-2M9D-XW4T-PB8R"));
    }
    assert!(label_lines(&cards[0], 35.4).iter().any(|(_, _, text)| text == "groupe-a"));
}
