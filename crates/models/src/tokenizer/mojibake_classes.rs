//! TABLE: classes of characters that tell text decoded with the wrong code page.
//!
//! Each class is the inside of a regex class: characters and ranges.
//! Source: `ftfy` 6.3.1 (Apache-2.0), its `badness` and `chardata` data.

/// In many contexts: no sign of anything alone.
pub(super) const COMMON: &str = "\u{a0}\u{ad}´·–-―’…";
/// C1 controls.
pub(super) const C1: &str = "\u{80}-\u{9f}";
/// Hardly ever meant.
pub(super) const BAD: &str = "¤¦¨ª¬¯¸ºƒˆˇ˘˛˜†‡‰⌐◊�";
/// Legal signs.
pub(super) const LAW: &str = "§¶";
/// Currency signs.
pub(super) const CURRENCY: &str = "¢£¥₧€";
/// Signs that open.
pub(super) const START_PUNCTUATION: &str = "¡©«¿΄΅‘‚“„•‹\u{f8ff}";
/// Signs that close.
pub(super) const END_PUNCTUATION: &str = "®»˝”›™";
/// Signs among numbers.
pub(super) const NUMERIC: &str = "±-³µ¹¼-¾×÷⁄№∂∆∏∑√∞∩∫≈≠≡≤≥";
/// Letters that also make faces, and the degree sign.
pub(super) const KAOMOJI: &str = "°Ò-ÖÙ-Üò-öø-üŌŐŪŲ";
/// Accented capitals.
pub(super) const UPPER_ACCENTED: &str = "À-ÑØÜÝĀĂĄĆČĎĐĒĖĘĚĞĢĪİĶĹĻĽŁŃŅŇŒŘŚŞŠŢŤŮŰŸŹŻŽҐ";
/// Accented small letters, and the ligatures of old Mac files.
pub(super) const LOWER_ACCENTED: &str = "ß-ñüāăąćčďđēėęěğģīįķĺļľłœŕśşšťźżžґﬁﬂ";
/// Greek and Cyrillic capitals, thorn.
pub(super) const UPPER_COMMON: &str = "ÞΆΈ-ΊΌΎΏΑ-ΫЁ-Я";
/// Greek and Cyrillic small letters.
pub(super) const LOWER_COMMON: &str = "ά-ωа-џ";
/// Box drawing.
pub(super) const BOX: &str = "│┌┐┘├┤┬┼═-╬▀▄█▌▐-▓";
/// What bytes C2 to DF become: they begin two bytes of UTF-8.
pub(super) const UTF8_FIRST_OF_2: &str = "Â-ßĀĂĆČĎĐĒĖĘĚĞĢĪİĶĹĻŁŃŅŇŌŐŘŚŞŠŢŪŮŰŲŹŻŽΒ-ΡΣ-ίВ-Я";
/// What bytes E0 to EF become: they begin three.
pub(super) const UTF8_FIRST_OF_3: &str = "à-ïāăąćčďēėęěģīįķĺļŕźΰ-οа-п";
/// What bytes F0 to F3 become: they begin four.
pub(super) const UTF8_FIRST_OF_4: &str = "ðóđğšπσру";
/// What bytes 80 to BF become, and the space for a lost A0.
pub(super) const UTF8_CONTINUATION: &str =
    " \u{80}-¿ÆØæøĄąĽľŁłŒœŖŗŚśŞ-šŤťŸ-žƒˆˇ˘˛-˝΄-ΆΈ-ΊΌΎΏЁ-ЌЎЏё-ќўџҐґ–-―‘-‚“-„†-•…‰‹›€№™";
/// The same without characters that are common before such text.
pub(super) const UTF8_CONTINUATION_STRICT: &str =
    "\u{80}-¿ÆØæøĄąĽľŁłŒœŖŗŚśŞ-šŤťŸ-žƒˆˇ˘˛-˝΄-ΆΈ-ΊΌΎΏЁ-ЌЎЏё-ќўџҐґ†‡‰‹›€№™";
