package report

import (
	"encoding/json"
	"io"
)

// WriteJSON writes the report as one object on one line.
func WriteJSON(w io.Writer, r *Report) error { return json.NewEncoder(w).Encode(r) }
