//! Bytes out of and into whatever Python calls bytes-like. They are copied on the way, so that no
//! memory of Python's is touched while its interpreter runs on.

use pyo3::exceptions::{PyBufferError, PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PySlice};

/// The bytes of a bytes-like object of any format.
pub(crate) fn bytes_of(object: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    let bytes = view_of(object)?.call_method0("tobytes")?;
    Ok(bytes.cast::<PyBytes>()?.as_bytes().to_vec())
}

/// Memory of Python's to receive into.
pub(crate) struct Room<'py> {
    /// None where it has no bytes: such a view cannot be cast.
    view: Option<Bound<'py, PyAny>>,
    len: usize,
}

impl<'py> Room<'py> {
    /// The memory of a writable bytes-like object; `what` names the argument for the error.
    pub(crate) fn of(object: &Bound<'py, PyAny>, what: &str) -> PyResult<Self> {
        let class = object.get_type().name()?.to_string();
        let wrong = || {
            let text = format!("{what} must be read-write bytes-like object, not {class}");
            PyTypeError::new_err(text)
        };
        let view = view_of(object).map_err(|error| {
            if error.is_instance_of::<PyTypeError>(object.py()) { wrong() } else { error }
        })?;
        if view.getattr("readonly")?.extract()? {
            return Err(wrong());
        }
        let len = view.getattr("nbytes")?.extract()?;
        let view = if len == 0 { None } else { Some(view.call_method1("cast", ("B",))?) };
        Ok(Self { view, len })
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Puts `bytes` at its beginning; what does not fit is left out.
    pub(crate) fn fill(&self, bytes: &[u8]) -> PyResult<()> {
        let Some(view) = &self.view else { return Ok(()) };
        let bytes = &bytes[..bytes.len().min(self.len)];
        let end = isize::try_from(bytes.len())?;
        view.set_item(PySlice::new(view.py(), 0, end, 1), PyBytes::new(view.py(), bytes))
    }
}

fn view_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let view = PyMemoryView::from(object).map_err(|error| {
        if !error.is_instance_of::<PyTypeError>(object.py()) {
            return error;
        }
        match object.get_type().name() {
            Ok(name) => {
                PyTypeError::new_err(format!("a bytes-like object is required, not '{name}'"))
            }
            Err(error) => error,
        }
    })?;
    if !view.getattr("c_contiguous")?.extract()? {
        let text = "memoryview: underlying buffer is not C-contiguous";
        return Err(PyBufferError::new_err(text));
    }
    Ok(view.into_any())
}

/// How many bytes to receive: what Python was asked for, where there is memory for it.
pub(crate) fn size(n: isize, op: &str) -> PyResult<usize> {
    let n = usize::try_from(n)
        .map_err(|_| PyValueError::new_err(format!("negative buffersize in {op}")))?;
    let fits = Vec::<u8>::new().try_reserve_exact(n);
    fits.map(|()| n).map_err(|_| PyMemoryError::new_err(()))
}
