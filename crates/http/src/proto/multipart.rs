//! A form with files in it: bytes in, fields and files out.
//!
//! ```text
//! body      = [ preamble ] delimiter part *( delimiter part ) CRLF "--" boundary "--" [ epilogue ]
//! delimiter = CRLF "--" boundary *( SP / HTAB ) CRLF      ; the first needs no CRLF before it
//! part      = *( field CRLF ) CRLF *OCTET
//! field     = "Content-Disposition: form-data; name=" quoted [ "; filename=" quoted ] / other
//! ```
//! Rules: at most one read and one head are held; data is given on as it comes. A form that ends
//! before its last delimiter is an error, so that half a file is never taken for a whole one.
//!
//! # Source
//! RFC 7578; RFC 2046, section 5.1.

/// What ends a part's head.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// What a form may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A part's head may have so many bytes.
    pub head_bytes_max: usize,
    /// A form may have so many parts.
    pub parts_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { head_bytes_max: 8 * 1024, parts_max: 1000 }
    }
}

/// What comes out of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A part begins.
    Part {
        /// The name of the field.
        name: String,
        /// The name of the file, where it is one.
        file: Option<String>,
    },
    /// The next bytes of the part.
    Data(Vec<u8>),
    /// The part is whole.
    PartEnd,
    /// The form is whole; nothing follows.
    End,
}

/// Why a form cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// The content type is not `multipart/form-data` with a boundary of 1 to 70 characters.
    #[error("the form names no boundary")]
    NoBoundary,
    /// A part's head is longer than the limit, or not one.
    #[error("a part of the form has a malformed head")]
    Head,
    /// There are too many parts.
    #[error("the form has too many parts")]
    Parts,
    /// A delimiter is followed by something else than a line end.
    #[error("a delimiter of the form is malformed")]
    Delimiter,
    /// The form ends in its middle.
    #[error("the form ends before its end")]
    Cut,
}

/// Finds the boundary in a `Content-Type`.
///
/// # Errors
/// [`FormError::NoBoundary`].
pub fn boundary(content_type: &str) -> Result<String, FormError> {
    let (media_type, parameters) = content_type.split_once(';').ok_or(FormError::NoBoundary)?;
    if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(FormError::NoBoundary);
    }
    let found = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    });
    let allowed = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
    found
        .filter(|text| (1..=70).contains(&text.len()) && text.chars().all(allowed))
        .map(str::to_owned)
        .ok_or(FormError::NoBoundary)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before the first delimiter: nothing is given on.
    Preamble,
    /// In a part's data.
    Data,
    /// After a delimiter, before what says whether another part follows.
    Delimited,
    /// In a part's head.
    Head,
    /// After the last delimiter.
    Done,
}

/// Reads one form.
#[derive(Debug)]
pub struct Multipart {
    limits: Limits,
    /// CRLF, two hyphens, the boundary.
    delimiter: Vec<u8>,
    stage: Stage,
    input: Vec<u8>,
    at: usize,
    parts: usize,
    /// The part that ends with the delimiter that was just read.
    in_part: bool,
    ended: bool,
}

impl Multipart {
    /// Starts at the beginning of a body.
    pub fn new(boundary: &str, limits: Limits) -> Multipart {
        Multipart {
            limits,
            delimiter: [b"\r\n--", boundary.as_bytes()].concat(),
            stage: Stage::Preamble,
            // The first delimiter needs no line end before it.
            input: b"\r\n".to_vec(),
            at: 0,
            parts: 0,
            in_part: false,
            ended: false,
        }
    }

    /// Takes bytes of the body.
    pub fn handle_received(&mut self, bytes: &[u8]) {
        if self.stage != Stage::Done {
            self.input.drain(..self.at);
            self.at = 0;
            self.input.extend_from_slice(bytes);
        }
    }

    /// The body has ended.
    pub fn handle_eof(&mut self) {
        self.ended = true;
    }

    /// Gives the next piece, until `None`.
    ///
    /// # Errors
    /// Why the form cannot be read; it is over.
    pub fn poll_piece(&mut self) -> Option<Result<Piece, FormError>> {
        loop {
            let step = match self.stage {
                Stage::Done => return None,
                Stage::Preamble | Stage::Data => self.step_data(),
                Stage::Delimited => self.step_delimited(),
                Stage::Head => self.step_head(),
            };
            match step {
                Ok(Step::Piece(piece)) => return Some(Ok(piece)),
                Ok(Step::Again) => {}
                Ok(Step::More) if self.ended => return Some(Err(self.fail(FormError::Cut))),
                Ok(Step::More) => return None,
                Err(error) => return Some(Err(self.fail(error))),
            }
        }
    }

    fn fail(&mut self, error: FormError) -> FormError {
        self.stage = Stage::Done;
        self.input = Vec::new();
        self.at = 0;
        error
    }

    fn rest(&self) -> &[u8] {
        &self.input[self.at..]
    }

    fn step_data(&mut self) -> Result<Step, FormError> {
        let found = find(self.rest(), &self.delimiter);
        let whole = match found {
            Some(place) => place,
            None => self.rest().len() - begun(self.rest(), &self.delimiter),
        };
        let data = self.rest()[..whole].to_vec();
        self.at += whole;
        if self.stage == Stage::Data && !data.is_empty() {
            return Ok(Step::Piece(Piece::Data(data)));
        }
        if found.is_none() {
            return Ok(Step::More);
        }
        self.at += self.delimiter.len();
        self.stage = Stage::Delimited;
        if std::mem::take(&mut self.in_part) {
            return Ok(Step::Piece(Piece::PartEnd));
        }
        Ok(Step::Again)
    }

    fn step_delimited(&mut self) -> Result<Step, FormError> {
        let rest = self.rest();
        if rest.starts_with(b"--") {
            self.stage = Stage::Done;
            self.input = Vec::new();
            self.at = 0;
            return Ok(Step::Piece(Piece::End));
        }
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if blank > self.limits.head_bytes_max {
            return Err(FormError::Delimiter);
        }
        match rest[blank..] {
            [b'\r', b'\n', ..] => {
                // The line end stays: an empty head begins with the one that ends it.
                self.at += blank;
                self.stage = Stage::Head;
                Ok(Step::Again)
            }
            [] | [b'\r'] => Ok(Step::More),
            [b'-'] if blank == 0 => Ok(Step::More),
            _ => Err(FormError::Delimiter),
        }
    }

    fn step_head(&mut self) -> Result<Step, FormError> {
        let Some(end) = find(self.rest(), HEAD_END) else {
            // The blank line's bytes may come one by one.
            if self.rest().len() >= self.limits.head_bytes_max + HEAD_END.len() {
                return Err(FormError::Head);
            }
            return Ok(Step::More);
        };
        if end > self.limits.head_bytes_max {
            return Err(FormError::Head);
        }
        let head = std::str::from_utf8(&self.rest()[..end]).map_err(|_| FormError::Head)?;
        let (name, file) = disposition(head).ok_or(FormError::Head)?;
        self.at += end + HEAD_END.len();
        self.parts += 1;
        if self.parts > self.limits.parts_max {
            return Err(FormError::Parts);
        }
        self.stage = Stage::Data;
        self.in_part = true;
        Ok(Step::Piece(Piece::Part { name, file }))
    }
}

enum Step {
    Piece(Piece),
    Again,
    More,
}

fn find(input: &[u8], what: &[u8]) -> Option<usize> {
    let mut start = 0;
    while let Some(offset) = input[start..].iter().position(|byte| *byte == what[0]) {
        start += offset;
        if input[start..].starts_with(what) {
            return Some(start);
        }
        start += 1;
    }
    None
}

/// How many bytes at the end of `input` may be the beginning of `what`.
fn begun(input: &[u8], what: &[u8]) -> usize {
    let longest = input.len().min(what.len() - 1);
    (1..=longest).rev().find(|count| what.starts_with(&input[input.len() - count..])).unwrap_or(0)
}

/// Reads the names in a part's head.
fn disposition(head: &str) -> Option<(String, Option<String>)> {
    let value = head.split("\r\n").find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.trim().eq_ignore_ascii_case("content-disposition").then_some(value.trim())
    })?;
    let kind = value.get(.."form-data".len())?;
    if !kind.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let mut rest = &value[kind.len()..];
    let (mut name, mut file) = (None, None);
    while let Some(parameter) = rest.trim_start().strip_prefix(';') {
        let (key, after) = parameter.split_once('=')?;
        let (text, after) = quoted(after)?;
        match key.trim().to_ascii_lowercase().as_str() {
            "name" => name = Some(text),
            "filename" => file = Some(text),
            _ => {}
        }
        rest = after;
    }
    rest.trim().is_empty().then_some((name?, file))
}

/// Reads a quoted string, or a bare word, and gives what follows it. Browsers write a quote as
/// `%22`, others as `\"`.
fn quoted(input: &str) -> Option<(String, &str)> {
    let Some(input) = input.strip_prefix('"') else {
        let end = input.find(';').unwrap_or(input.len());
        return Some((input[..end].trim().to_owned(), &input[end..]));
    };
    let mut text = String::new();
    let mut chars = input.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => {
                let text = text.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n");
                return Some((text, &input[place + 1..]));
            }
            '\\' if matches!(input.as_bytes().get(place + 1), Some(b'"' | b'\\')) => {
                text.extend(chars.next().map(|(_, escaped)| escaped));
            }
            _ => text.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests;
