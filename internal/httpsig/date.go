package httpsig

import (
	"strconv"
	"time"
)

// Layouts of dates in UTC.
const (
	basicDate    = "20060102T150405Z"
	extendedDate = "2006-01-02T15:04:05Z"
	dayDate      = "2006-01-02"
)

// parseDate reads a date of exactly a layout. time.Parse by itself would let fractions
// of a second pass, which a text to sign then lacks.
func parseDate(layout, value string) (time.Time, error) {
	t, err := time.Parse(layout, value)
	if err != nil || !writes(t, layout, value) {
		return time.Time{}, malformed("date")
	}
	return t, nil
}

// writes reports whether t is value in a layout.
func writes(t time.Time, layout, value string) bool {
	var b [32]byte
	return string(t.AppendFormat(b[:0], layout)) == value
}

// parseUnix reads seconds since 1970 in decimal, of a year that has four digits.
func parseUnix(value string) (time.Time, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	t := time.Unix(n, 0).UTC()
	if err != nil || n < 0 || t.Year() > 9999 || strconv.FormatInt(n, 10) != value {
		return time.Time{}, malformed("timestamp")
	}
	return t, nil
}
