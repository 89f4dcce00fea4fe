package huawei

import (
	"context"
	"strconv"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const maxLimit = 1000 // keys or aliases in an answer, also without a limit (guess)

// keyList is the answer of list-keys.
type keyList struct {
	Keys       []string     `json:"keys"`
	Details    []keyDetails `json:"key_details"`
	NextMarker string       `json:"next_marker"`
	Truncated  string       `json:"truncated"` // "true" or "false"
	Total      int          `json:"total"`     // of all pages
}

// listKeys lists keys in the order of their IDs. Only those of AES are, unless a spec is
// named, or ALL (huaweicloud-sdk-go-v3 v0.1.207, model_list_keys_request_body.go). A marker
// counts from the first: a page may repeat or miss keys if there come others meanwhile.
func listKeys(ctx context.Context, c *call) (any, error) {
	marker, limit := c.page()
	state := c.p.OptText("key_state", "", front.Pattern("[1-5]"))
	spec := c.p.OptText("key_spec", "AES_256", func(s string) bool {
		_, ok := specs[s]
		return ok || s == "ALL"
	})
	if err := c.p.Err(); err != nil {
		return nil, err
	}
	var keys []*kms.Key
	for key, err := range c.keys.Keys(ctx, "") {
		if err != nil {
			return nil, err
		}
		hasSpec := spec == "ALL" || spec == specName(key.Spec)
		if hasSpec && (state == "" || state == stateNumber(key.State)) {
			keys = append(keys, key)
		}
	}
	names, err := c.names(ctx)
	if err != nil {
		return nil, err
	}
	list := &keyList{Keys: []string{}, Details: []keyDetails{}, Total: len(keys)}
	keys, list.NextMarker = cut(keys, marker, limit)
	for _, key := range keys {
		list.Keys = append(list.Keys, c.keys.There(key.ID))
		list.Details = append(list.Details, c.details(key, names[key.ID]))
	}
	list.Truncated = strconv.FormatBool(list.NextMarker != "")
	return list, nil
}

// page reads which part of a list is wanted: from which item on, and how many.
func (c *call) page() (marker, limit int) {
	const most = 1 << 31
	marker = int(c.p.OptInt("marker", 0, 0, most-1))
	return marker, int(c.p.OptInt("limit", maxLimit, 1, maxLimit))
}

// cut returns a page of a list, and the marker of the next one, "" if there is none.
func cut[T any](items []T, marker, limit int) ([]T, string) {
	items = items[min(marker, len(items)):]
	if len(items) <= limit {
		return items, ""
	}
	return items[:limit], strconv.Itoa(marker + limit)
}
