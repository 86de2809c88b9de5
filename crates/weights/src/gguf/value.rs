//! Metadata values: the thirteen types of GGUF, owned and compact.

use std::fmt;

use super::cursor::Cursor;
use super::text::{LEAST_STRING_BYTES, Strings, Text, write_string};
use crate::WeightsError;
use crate::excerpt::excerpt;
use crate::limits::{MAX_GGUF_ARRAY_DEPTH, MAX_GGUF_ARRAY_LEN};

const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// `id Variant type "name"` for the types of fixed size.
macro_rules! numbers {
    ($($id:literal $variant:ident $type:ident;)*) => {
        /// One metadata value.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Value {
            $(#[doc = concat!("`", stringify!($type), "`, value type ", stringify!($id), ".")] $variant($type),)*
            /// Value type 7.
            Bool(bool),
            /// Value type 8.
            String(Text),
            /// Value type 9.
            Array(Array),
        }

        /// Elements of one type.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Array {
            $(#[doc = concat!("`", stringify!($type), "` elements.")] $variant(Vec<$type>),)*
            /// Bools.
            Bool(Vec<bool>),
            /// Strings.
            Strings(Strings),
            /// Arrays, which may differ in type and length.
            Arrays(Vec<Array>),
        }

        impl Value {
            /// GGUF's id of the value's type.
            pub(crate) fn type_id(&self) -> u32 {
                match self {
                    $(Self::$variant(_) => $id,)*
                    Self::Bool(_) => BOOL,
                    Self::String(_) => STRING,
                    Self::Array(_) => ARRAY,
                }
            }

            /// GGUF's name of the value's type, in lower case: `u32`, `string`, `array`.
            pub fn type_name(&self) -> &'static str {
                type_name(self.type_id())
            }

            pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, WeightsError> {
                Ok(match cursor.u32("a value type")? {
                    $($id => Self::$variant($type::from_le_bytes(cursor.array("a value")?)),)*
                    BOOL => Self::Bool(bool_of(cursor.array::<1>("a value")?[0])?),
                    STRING => Self::String(Text::read(cursor)?),
                    ARRAY => Self::Array(Array::read(cursor, 1)?),
                    found => return Err(unknown_type(found)),
                })
            }

            pub(crate) fn write(&self, out: &mut Vec<u8>) {
                out.extend(self.type_id().to_le_bytes());
                match self {
                    $(Self::$variant(v) => out.extend(v.to_le_bytes()),)*
                    Self::Bool(v) => out.push(u8::from(*v)),
                    Self::String(text) => write_string(out, text.as_bytes()),
                    Self::Array(array) => array.write(out),
                }
            }

            /// A number as i128, where it is an integer of any width.
            pub(crate) fn integer(&self) -> Option<i128> {
                match self {
                    Self::F32(_) | Self::F64(_) | Self::Bool(_) | Self::String(_) | Self::Array(_) => None,
                    Self::U8(v) => Some((*v).into()),
                    Self::I8(v) => Some((*v).into()),
                    Self::U16(v) => Some((*v).into()),
                    Self::I16(v) => Some((*v).into()),
                    Self::U32(v) => Some((*v).into()),
                    Self::I32(v) => Some((*v).into()),
                    Self::U64(v) => Some((*v).into()),
                    Self::I64(v) => Some((*v).into()),
                }
            }
        }

        impl Array {
            fn type_id(&self) -> u32 {
                match self {
                    $(Self::$variant(_) => $id,)*
                    Self::Bool(_) => BOOL,
                    Self::Strings(_) => STRING,
                    Self::Arrays(_) => ARRAY,
                }
            }

            /// GGUF's name of the elements' type, in lower case.
            pub fn element_type_name(&self) -> &'static str {
                type_name(self.type_id())
            }

            /// Number of elements.
            pub fn len(&self) -> usize {
                match self {
                    $(Self::$variant(v) => v.len(),)*
                    Self::Bool(v) => v.len(),
                    Self::Strings(v) => v.len(),
                    Self::Arrays(v) => v.len(),
                }
            }

            /// There are no elements.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// The first `n` elements.
            pub(crate) fn first(&self, n: usize) -> Vec<Value> {
                match self {
                    $(Self::$variant(v) => v.iter().take(n).copied().map(Value::$variant).collect(),)*
                    Self::Bool(v) => v.iter().take(n).copied().map(Value::Bool).collect(),
                    Self::Strings(v) => v.iter().take(n).map(|t| Value::String(t.to_vec().into())).collect(),
                    Self::Arrays(v) => v.iter().take(n).cloned().map(Value::Array).collect(),
                }
            }

            /// `depth`: 1 for an array that is no element of another.
            fn read(cursor: &mut Cursor<'_>, depth: usize) -> Result<Self, WeightsError> {
                if depth > MAX_GGUF_ARRAY_DEPTH {
                    let (limit, got) = (MAX_GGUF_ARRAY_DEPTH as u64, depth as u64);
                    return Err(WeightsError::Limit { what: "arrays inside each other", limit, got });
                }
                let element = cursor.u32("an array's element type")?;
                let count = cursor.u64("an array's length")?;
                let fits = |least| cursor.count(count, least, MAX_GGUF_ARRAY_LEN, "array elements");
                Ok(match element {
                    $($id => {
                        let bytes = fits(size_of::<$type>() as u64)? * size_of::<$type>();
                        let (items, _) = cursor.take(bytes as u64, "array elements")?.as_chunks();
                        Self::$variant(items.iter().map(|item| $type::from_le_bytes(*item)).collect())
                    })*
                    BOOL => {
                        fits(1)?;
                        let bytes = cursor.take(count, "array elements")?;
                        Self::Bool(bytes.iter().map(|byte| bool_of(*byte)).collect::<Result<_, _>>()?)
                    }
                    STRING => {
                        let count = fits(LEAST_STRING_BYTES)?;
                        Self::Strings(Strings::read(cursor, count)?)
                    }
                    ARRAY => {
                        let mut arrays = Vec::with_capacity(fits(LEAST_ARRAY_BYTES)?);
                        for _ in 0..count {
                            arrays.push(Self::read(cursor, depth + 1)?);
                        }
                        Self::Arrays(arrays)
                    }
                    found => return Err(unknown_type(found)),
                })
            }

            fn write(&self, out: &mut Vec<u8>) {
                out.extend(self.type_id().to_le_bytes());
                out.extend((self.len() as u64).to_le_bytes());
                match self {
                    $(Self::$variant(items) => items.iter().for_each(|v| out.extend(v.to_le_bytes())),)*
                    Self::Bool(items) => out.extend(items.iter().map(|v| u8::from(*v))),
                    Self::Strings(items) => items.iter().for_each(|text| write_string(out, text)),
                    Self::Arrays(items) => items.iter().for_each(|array| array.write(out)),
                }
            }
        }

        fn type_name(id: u32) -> &'static str {
            match id {
                $($id => stringify!($type),)*
                BOOL => "bool",
                STRING => "string",
                _ => "array",
            }
        }
    };
}

numbers! {
     0 U8 u8;
     1 I8 i8;
     2 U16 u16;
     3 I16 i16;
     4 U32 u32;
     5 I32 i32;
     6 F32 f32;
    10 U64 u64;
    11 I64 i64;
    12 F64 f64;
}

/// An empty array: element type and length.
const LEAST_ARRAY_BYTES: u64 = 12;

fn unknown_type(found: u32) -> WeightsError {
    WeightsError::Value { expected: "a value type from 0 to 12", got: found.to_string() }
}

fn bool_of(byte: u8) -> Result<bool, WeightsError> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        found => Err(WeightsError::Value { expected: "a bool byte of 0 or 1", got: found.to_string() }),
    }
}

/// `[1, 2, 3, … 40 u32]`: shortened.
impl fmt::Display for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        let first: Vec<String> = self.first(SHOWN).iter().map(ToString::to_string).collect();
        let (first, len) = (first.join(", "), self.len());
        match len {
            0 => write!(f, "[0 {}]", self.element_type_name()),
            _ if len <= SHOWN => write!(f, "[{first}]"),
            _ => write!(f, "[{first}, … {len} {}]", self.element_type_name()),
        }
    }
}

/// For messages: strings quoted, escaped and shortened, arrays shortened.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32(v) => write!(f, "{v}"),
            Self::F64(v) => write!(f, "{v}"),
            Self::Bool(v) => write!(f, "{v}"),
            Self::String(text) => f.write_str(&excerpt(text.as_bytes())),
            Self::Array(array) => write!(f, "{array}"),
            integer => write!(f, "{}", integer.integer().expect("all other types are integers")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: &Value) -> Value {
        let mut bytes = Vec::new();
        value.write(&mut bytes);
        let mut cursor = Cursor::new(&bytes, u64::MAX);
        let read = Value::read(&mut cursor).unwrap();
        assert_eq!(cursor.at(), bytes.len() as u64);
        for cut in 0..bytes.len() {
            let error = Value::read(&mut Cursor::new(&bytes[..cut], u64::MAX)).unwrap_err();
            assert!(matches!(error, WeightsError::Truncated { .. }), "{value} cut to {cut}: {error}");
        }
        read
    }

    #[test]
    fn every_type_survives_writing_and_is_shown() {
        struct Case {
            value: Value,
            shown: &'static str,
        }
        let words = Strings::from_iter([&b"a"[..], b"", b"\xff\x1b"]);
        let nested = Array::Arrays(vec![Array::Bool(vec![true]), Array::Arrays(vec![])]);
        let cases = [
            Case { value: Value::U8(200), shown: "200" },
            Case { value: Value::I8(-100), shown: "-100" },
            Case { value: Value::U16(65000), shown: "65000" },
            Case { value: Value::I16(-30000), shown: "-30000" },
            Case { value: Value::U32(4_000_000_000), shown: "4000000000" },
            Case { value: Value::I32(-2_000_000_000), shown: "-2000000000" },
            Case { value: Value::U64(u64::MAX), shown: "18446744073709551615" },
            Case { value: Value::I64(i64::MIN), shown: "-9223372036854775808" },
            Case { value: Value::F32(0.1), shown: "0.1" },
            Case { value: Value::F64(-0.0), shown: "-0" },
            Case { value: Value::Bool(true), shown: "true" },
            Case { value: Value::String("naïve ✓".into()), shown: "\"naïve ✓\"" },
            Case { value: Value::Array(Array::Strings(words)), shown: r#"["a", "", "\xff\u{1b}"]"# },
            Case { value: Value::Array(Array::F64(vec![0.5; 9])), shown: "[0.5, 0.5, 0.5, … 9 f64]" },
            Case { value: Value::Array(nested), shown: "[[true], [0 array]]" },
        ];
        for case in cases {
            assert_eq!(round_trip(&case.value), case.value);
            assert_eq!(case.value.to_string(), case.shown);
        }
    }

    #[test]
    fn hostile_values_are_refused() {
        let mut deep = 9u32.to_le_bytes().to_vec();
        (0..5).for_each(|_| deep.extend(9u32.to_le_bytes().into_iter().chain(1u64.to_le_bytes())));
        let error = Value::read(&mut Cursor::new(&deep, u64::MAX)).unwrap_err();
        assert!(matches!(error, WeightsError::Limit { what: "arrays inside each other", .. }), "{error}");
        let error = Value::read(&mut Cursor::new(&[7, 0, 0, 0, 2], u64::MAX)).unwrap_err();
        assert!(error.to_string().ends_with("0 or 1, got 2"), "{error}");
        let text = Text::from(vec![0xc3, 0x28]);
        assert_eq!(text.as_str().unwrap_err().to_string(), r#"a string value is not UTF-8: "\xc3(""#);
    }
}
