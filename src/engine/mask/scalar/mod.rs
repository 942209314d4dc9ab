//! What each mode does to one scalar.

/// What the modes do to the values of one label. A mode without a rule falls to the next weaker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelMasks {
    pub generalised: Option<Generalise>,
    pub partial: Option<Partial>,
    /// Whether a keyed pseudonym may stand for the value.
    pub token: bool,
    /// Whether yes or no may be answered about the value.
    pub verify: bool,
}

/// How a value is made coarser.
#[derive(Clone, Debug, PartialEq)]
pub enum Generalise {
    /// A date becomes its year.
    Year,
    /// A date of birth becomes an age band of so many years, for example `75-79`.
    AgeBand { years: u8 },
    /// A number becomes its band between these bounds (ascending), for example `[30000,60000)`.
    Bands { bounds: Vec<i64> },
    /// An address is kept to its district.
    District,
    /// A moment becomes its day.
    Day,
    /// A coordinate is rounded to so many decimals.
    Decimals { decimals: u8 },
    /// A code keeps its first characters (an administrative division, an industry class).
    Prefix { characters: u8 },
}

/// How part of a value is kept and the rest replaced by `*` (`0` in numbers).
#[derive(Clone, Debug, PartialEq)]
pub enum Partial {
    /// Keep so many characters at each end.
    Keep { first: u8, last: u8 },
    /// Personal names: first, and last of three or more; the interpunct of minority names is kept.
    Name,
    /// First character and domain.
    Email,
    /// Down to district and township.
    Address,
    /// Area code and last two digits.
    Landline,
    /// Enterprises are public; sole traders (92) and rural collectives (N) keep 8 + 2.
    Uscc,
}
