package front

import "strconv"

// Texts reads a list of texts of at most so many, empty if it is not there. One
// rule is for all.
func (p *Params) Texts(name string, most int, rule Rule) []string {
	items, ok := p.list(name)
	if !ok {
		items = p.flatItems(name, most+1)
	}
	if len(items) > most {
		p.fail(name, Invalid)
		return nil
	}
	var texts []string
	for _, item := range items {
		s, ok := item.(string)
		if !ok {
			p.fail(name, Mistyped)
		} else if !rule(s) {
			p.fail(name, Invalid)
		}
		texts = append(texts, s)
	}
	return texts
}

// Tags reads a list of objects of two texts, a name and its value, of at most so
// many; nil if it is not there. A name that comes twice is invalid.
func (p *Params) Tags(list string, most int, name, value string) map[string]string {
	items := p.objects(list, most, name, value)
	tags := make(map[string]string, len(items))
	for _, item := range items {
		k, isText := item[name].(string)
		v, alsoText := item[value].(string)
		_, twice := tags[k]
		if !isText || !alsoText && item[value] != nil || twice {
			p.fail(list, Invalid)
		}
		tags[k] = v
	}
	return tags
}

// objects reads a list of objects: JSON, the text of that, or Name.0.Member and so
// on, for the members given.
func (p *Params) objects(name string, most int, members ...string) (objects []map[string]any) {
	list, ok := p.list(name)
	for _, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			p.fail(name, Mistyped)
		}
		objects = append(objects, object)
	}
	if p.flat && !ok {
		objects = p.flatObjects(name, most+1, members)
	}
	if len(objects) > most {
		p.fail(name, Invalid)
		return nil
	}
	return objects
}

// list returns the items of a list: JSON, or of flat parameters the text of that. It is
// false if there is none.
func (p *Params) list(name string) ([]any, bool) {
	v := p.values[name]
	if text, ok := v.(string); ok && p.flat {
		parsed, err := parseJSON([]byte(text))
		if err != nil {
			p.fail(name, Invalid)
		}
		v = parsed
	}
	items, ok := v.([]any)
	if !ok && v != nil {
		p.fail(name, Mistyped)
	}
	return items, p.Has(name)
}

// Each reads a list of at most so many objects with the members given, absent if it is
// not there. What is not as it must be in one is invalid.
func (p *Params) Each(name string, most int, read func(item *Params), members ...string) {
	for _, object := range p.objects(name, most, members...) {
		item := &Params{values: object, textual: p.textual}
		if read(item); item.err != nil {
			p.fail(name, Invalid)
		}
	}
}

func (p *Params) flatObjects(name string, most int, members []string) (objects []map[string]any) {
	for i := p.firstOf(name, "."+members[0]); len(objects) < most; i++ {
		object := map[string]any{}
		for _, member := range members {
			if v := p.values[name+"."+strconv.Itoa(i)+"."+member]; v != nil {
				object[member] = v
			}
		}
		if len(object) == 0 {
			break
		}
		objects = append(objects, object)
	}
	return objects
}

// firstOf returns what a flat list counts from.
func (p *Params) firstOf(name, member string) int {
	if p.Has(name + ".0" + member) {
		return 0
	}
	return 1
}

// flatItems returns Name.0, Name.1 and so on, or from 1 on, as some clients count.
func (p *Params) flatItems(name string, most int) (items []any) {
	if !p.flat {
		return nil
	}
	for i := p.firstOf(name, ""); len(items) < most && p.Has(name+"."+strconv.Itoa(i)); i++ {
		items = append(items, p.values[name+"."+strconv.Itoa(i)])
	}
	return items
}
