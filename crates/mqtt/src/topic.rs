//! Topic names and topic filters (MQTT 5.0 §4.7), parsed once and then right.

/// A topic a client may publish to: not empty, no wildcard, no U+0000, at most 65,535 bytes and
/// [`Topic::MAX_LEVELS`] levels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    #[error("a topic cannot be empty")]
    Empty,
    #[error("a topic has at most 65,535 bytes; this one has {0}")]
    TooLong(usize),
    #[error("a topic has at most 64 levels; this one has {0}")]
    TooDeep(usize),
    #[error("a topic cannot hold the wildcard {0:?}")]
    Wildcard(char),
    #[error("a topic cannot hold U+0000")]
    Null,
}

impl Topic {
    /// MQTT sets no limit; 64 levels keep a matcher's depth bounded.
    pub const MAX_LEVELS: usize = 64;

    pub fn parse(text: impl Into<String>) -> Result<Topic, TopicError> {
        let text = text.into();
        if text.is_empty() {
            return Err(TopicError::Empty);
        }
        if text.len() > 65_535 {
            return Err(TopicError::TooLong(text.len()));
        }
        let mut levels = 1;
        for byte in text.bytes() {
            match byte {
                b'/' => levels += 1,
                b'+' | b'#' => return Err(TopicError::Wildcard(char::from(byte))),
                0 => return Err(TopicError::Null),
                _ => {}
            }
        }
        if levels > Topic::MAX_LEVELS {
            return Err(TopicError::TooDeep(levels));
        }
        Ok(Topic(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn levels(&self) -> std::str::Split<'_, char> {
        self.0.split('/')
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A filter of a subscription, `$share/<group>/` included.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Filter {
    whole: String,
    /// Where the matching part starts: behind `$share/<group>/`, else 0.
    start: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("a filter cannot be empty")]
    Empty,
    #[error("a filter has at most 65,535 bytes; this one has {0}")]
    TooLong(usize),
    #[error("a filter has at most 64 levels; this one has {0}")]
    TooDeep(usize),
    #[error("'#' must be the last level, alone; '+' must fill its level")]
    Wildcard,
    #[error("a filter cannot hold U+0000")]
    Null,
    #[error("a shared filter is $share/<group>/<filter>, with a group without wildcards")]
    Share,
}

impl Filter {
    pub fn parse(text: impl Into<String>) -> Result<Filter, FilterError> {
        let whole: String = text.into();
        if whole.is_empty() {
            return Err(FilterError::Empty);
        }
        if whole.len() > 65_535 {
            return Err(FilterError::TooLong(whole.len()));
        }
        if whole.contains('\0') {
            return Err(FilterError::Null);
        }
        let start = match whole.strip_prefix("$share/") {
            None => 0,
            Some(rest) => {
                let (group, filter) = rest.split_once('/').ok_or(FilterError::Share)?;
                if group.is_empty() || group.contains(['+', '#']) || filter.is_empty() {
                    return Err(FilterError::Share);
                }
                whole.len() - filter.len()
            }
        };
        let matching = whole.get(start..).unwrap_or_default();
        let levels = matching.split('/').count();
        if levels > Topic::MAX_LEVELS {
            return Err(FilterError::TooDeep(levels));
        }
        for (index, level) in matching.split('/').enumerate() {
            let alone = level.len() == 1;
            let last = index + 1 == levels;
            if level.contains('#') && !(alone && last) || level.contains('+') && !alone {
                return Err(FilterError::Wildcard);
            }
        }
        Ok(Filter { whole, start })
    }

    /// The whole text, `$share/<group>/` included.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// The part that is matched against topics.
    pub fn matching(&self) -> &str {
        self.whole.get(self.start..).unwrap_or_default()
    }

    /// The group of a shared subscription (5.0 §4.8.2).
    pub fn share_group(&self) -> Option<&str> {
        self.whole.strip_prefix("$share/").and_then(|rest| rest.split('/').next())
    }

    pub fn levels(&self) -> std::str::Split<'_, char> {
        self.matching().split('/')
    }

    /// MQTT 5.0 §4.7.1 and §4.7.2: wildcards at the first level do not match `$` topics.
    pub fn matches(&self, topic: &Topic) -> bool {
        if topic.as_str().starts_with('$') && self.matching().starts_with(['+', '#']) {
            return false;
        }
        let mut levels = topic.levels();
        for pattern in self.levels() {
            if pattern == "#" {
                return true;
            }
            match levels.next() {
                Some(level) if pattern == "+" || pattern == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }

    /// Whether every topic that `other` matches is matched by `self`.
    pub fn includes(&self, other: &Filter) -> bool {
        if other.matching().starts_with('$') && self.matching().starts_with(['+', '#']) {
            return false;
        }
        let mut theirs = other.levels();
        let mut mine = self.levels();
        while let Some(ours) = mine.next() {
            if ours == "#" {
                return true;
            }
            match theirs.next() {
                // `a/#` also matches `a`; but no topic is empty, so these two ask for a further level.
                Some("#") if ours == "+" && matches!(other.matching(), "#" | "/#") => return mine.next() == Some("#"),
                Some("#") | None => return false,
                Some(their) if ours == "+" || ours == their => {}
                Some(_) => return false,
            }
        }
        // `a/#` also matches `a`, so only a filter that ends here is inside.
        theirs.next().is_none()
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.whole)
    }
}
