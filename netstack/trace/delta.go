package trace

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
)

// diff returns the change that makes to of from; same means there is none.
func diff(from, to any) (change any, same bool) {
	switch to := to.(type) {
	case map[string]any:
		if from, ok := from.(map[string]any); ok {
			return diffObject(from, to)
		}
	case []any:
		if from, ok := from.([]any); ok {
			return diffArray(from, to)
		}
	default:
		switch from.(type) {
		case map[string]any, []any: // cannot be compared
		default:
			if from == to {
				return nil, true
			}
		}
	}
	return replacement(to), false
}

func diffObject(from, to map[string]any) (any, bool) {
	out := map[string]any{}
	for k, v := range to {
		old, ok := from[k]
		if !ok {
			out[k] = replacement(v)
		} else if c, same := diff(old, v); !same {
			out[k] = c
		}
	}
	for k := range from {
		if _, ok := to[k]; !ok {
			out[k] = []any{}
		}
	}
	return out, len(out) == 0
}

func diffArray(from, to []any) (any, bool) {
	out := map[string]any{}
	for i, v := range to {
		if i >= len(from) {
			out[strconv.Itoa(i)] = replacement(v)
		} else if c, same := diff(from[i], v); !same {
			out[strconv.Itoa(i)] = c
		}
	}
	if len(to) < len(from) {
		out["#"] = json.Number(strconv.Itoa(len(to)))
	}
	return out, len(out) == 0
}

// replacement is the change that puts v in the place of what was there.
func replacement(v any) any {
	switch v.(type) {
	case map[string]any, []any:
		return []any{v}
	}
	return v
}

var errChange = errors.New("a change does not fit the value it changes")

// apply makes a change and returns the new value. It takes over both.
func apply(v, change any) (any, error) {
	switch c := change.(type) {
	case []any:
		if len(c) != 1 {
			return nil, errChange
		}
		return c[0], nil
	case map[string]any:
		switch v := v.(type) {
		case map[string]any:
			return v, applyObject(v, c)
		case []any:
			return applyArray(v, c)
		}
		return nil, errChange
	}
	return change, nil
}

func applyObject(v, change map[string]any) error {
	for k, c := range change {
		if a, ok := c.([]any); ok && len(a) == 0 {
			delete(v, k)
			continue
		}
		n, err := apply(v[k], c)
		if err != nil {
			return err
		}
		v[k] = n
	}
	return nil
}

// applyArray edits an array. It grows only by elements that the change holds.
func applyArray(v []any, change map[string]any) ([]any, error) {
	index := make([]int, 0, len(change))
	for k := range change {
		if k == "#" {
			continue
		}
		i, err := strconv.Atoi(k)
		if err != nil {
			return nil, errChange
		}
		index = append(index, i)
	}
	slices.Sort(index)
	for _, i := range index {
		if i < 0 || i > len(v) {
			return nil, errChange
		}
		if i == len(v) {
			v = append(v, nil)
		}
		n, err := apply(v[i], change[strconv.Itoa(i)])
		if err != nil {
			return nil, err
		}
		v[i] = n
	}
	if n, ok := change["#"].(json.Number); ok {
		i, err := strconv.Atoi(n.String())
		if err != nil || i < 0 || i > len(v) {
			return nil, errChange
		}
		v = v[:i:i]
	}
	return v, nil
}
