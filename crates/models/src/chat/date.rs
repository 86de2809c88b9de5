//! The date that a template may ask for.

/// A day of the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// The first day of year 1 was a Monday.
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Letters of abbreviated names.
const SHORT: usize = 3;

impl Date {
    /// `None`: there is no such day.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let date = Self { year, month, day };
        let valid = (1..=9999).contains(&year) && (1..=12).contains(&month);
        (valid && (1..=date.days_of_month()).contains(&day)).then_some(date)
    }

    fn leaps(self) -> bool {
        self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400))
    }

    fn days_of_month(self) -> u8 {
        match self.month {
            4 | 6 | 9 | 11 => 30,
            2 if self.leaps() => 29,
            2 => 28,
            _ => 31,
        }
    }

    fn weekday(self) -> &'static str {
        let before = u32::from(self.year) - 1;
        let years = before * 365 + before / 4 - before / 100 + before / 400;
        let months: u32 =
            (1..self.month).map(|month| u32::from(Self { month, ..self }.days_of_month())).sum();
        DAYS[((years + months + u32::from(self.day) - 1) % 7) as usize]
    }

    /// As Python's `strftime`. `None`: a directive that is not about days.
    pub(super) fn format(self, format: &str) -> Option<String> {
        let Self { year, month, day } = self;
        let month_name = MONTHS[usize::from(month) - 1];
        let mut out = String::new();
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match rest.next()? {
                'd' => out.push_str(&format!("{day:02}")),
                'm' => out.push_str(&format!("{month:02}")),
                'Y' => out.push_str(&format!("{year:04}")),
                'y' => out.push_str(&format!("{:02}", year % 100)),
                'B' => out.push_str(month_name),
                'b' => out.push_str(&month_name[..SHORT]),
                'A' => out.push_str(self.weekday()),
                'a' => out.push_str(&self.weekday()[..SHORT]),
                '%' => out.push('%'),
                _ => return None,
            }
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_python_writes_them() {
        for (date, format, text) in [
            ((2026, 7, 26), "%d %b %Y", Some("26 Jul 2026")),
            ((2000, 2, 29), "%A, %B %d, %y %%", Some("Tuesday, February 29, 00 %")),
            ((2024, 1, 1), "%a %Y-%m-%d", Some("Mon 2024-01-01")),
            ((1, 1, 1), "%A %Y", Some("Monday 0001")),
            ((2026, 7, 26), "%H:%M", None),
            ((2026, 7, 26), "%", None),
        ] {
            let (year, month, day) = date;
            assert_eq!(Date::new(year, month, day).unwrap().format(format).as_deref(), text);
        }
    }

    #[test]
    fn days_that_are_not_there_are_refused() {
        for (year, month, day) in
            [(2026, 2, 29), (1900, 2, 29), (2026, 13, 1), (2026, 0, 1), (2026, 4, 31), (0, 1, 1)]
        {
            assert_eq!(Date::new(year, month, day), None);
        }
    }
}
