package dump

// Plain returns the memory that held the plaintext of the last frame.
func (w *Writer) Plain() []byte { return w.plain[:cap(w.plain)] }
