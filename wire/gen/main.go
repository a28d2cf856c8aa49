// Command gen writes what other languages need of package wire: the C header
// firmware/core/pq_wire.h, and the block between the marks "wire:begin" and
// "wire:end" of dissector/pqiot.lua. Both are committed; with -check it
// changes nothing and exits 1 if a file is stale.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// group is one const block: its comment and its constants, in source order.
type group struct {
	doc    string
	consts []namedConst
}

type namedConst struct {
	name, comment string
	value         constant.Value
}

func main() {
	check := flag.Bool("check", false, "change nothing; exit 1 if a file is stale")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	groups, err := load(filepath.Join(root, "wire"))
	if err != nil {
		return err
	}
	header := filepath.Join(root, "firmware", "core", "pq_wire.h")
	if err := put(header, cHeader(groups), check); err != nil {
		return err
	}
	lua := filepath.Join(root, "dissector", "pqiot.lua")
	old, err := os.ReadFile(lua)
	if os.IsNotExist(err) {
		return nil
	} else if err != nil {
		return err
	}
	renewed, err := replaceBlock(old, luaBlock(groups))
	if err != nil {
		return fmt.Errorf("%s: %w", lua, err)
	}
	return put(lua, renewed, check)
}

// put writes data to path, or with check compares.
func put(path string, data []byte, check bool) error {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, data) {
		return nil
	}
	if check {
		return fmt.Errorf("%s is stale: run make generate", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod above the working directory")
		}
		dir = up
	}
}

// load parses and type-checks the package and gathers its exported constants.
func load(dir string) ([]group, error) {
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	// Constants depend on no import and no function body, so neither is looked
	// at; one that does not evaluate is found by its value.
	conf := types.Config{IgnoreFuncBodies: true, Error: func(error) {}}
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}}
	_, _ = conf.Check("wire", fset, files, info)
	var groups []group
	for _, f := range files {
		for _, decl := range f.Decls {
			if g, ok := decl.(*ast.GenDecl); ok && g.Tok == token.CONST {
				g, err := gather(g, info)
				if err != nil {
					return nil, err
				}
				groups = append(groups, g)
			}
		}
	}
	return groups, nil
}

func gather(decl *ast.GenDecl, info *types.Info) (group, error) {
	g := group{doc: firstSentence(decl.Doc.Text())}
	for _, spec := range decl.Specs {
		vs := spec.(*ast.ValueSpec)
		for _, name := range vs.Names {
			if c, ok := info.Defs[name].(*types.Const); ok && name.IsExported() {
				if c.Val().Kind() == constant.Unknown {
					return g, fmt.Errorf("the constant %s does not evaluate", name)
				}
				g.consts = append(g.consts, namedConst{name.Name, strings.TrimSpace(vs.Comment.Text()), c.Val()})
			}
		}
	}
	return g, nil
}

func firstSentence(doc string) string {
	doc, _, _ = strings.Cut(doc, "\n\n")
	doc = strings.Join(strings.Fields(doc), " ")
	if s, _, ok := strings.Cut(doc, ". "); ok {
		doc = s + "."
	}
	return doc
}

// words are spellings whose capitals do not start words.
var words = strings.NewReplacer("CoAP", "Coap", "ETag", "Etag", "MHz", "Mhz", "PHY", "Phy")

// snake turns FrameHeadSize into FRAME_HEAD_SIZE and CiphertextSize512 into
// CIPHERTEXT_SIZE_512.
func snake(name string) string {
	var b strings.Builder
	rs := []rune(words.Replace(name))
	for i, r := range rs {
		startsWord := i > 0 && (unicode.IsUpper(r) &&
			(!unicode.IsUpper(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1])) ||
			unicode.IsDigit(r) && !unicode.IsDigit(rs[i-1]))
		if startsWord {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

func cHeader(groups []group) []byte {
	var b bytes.Buffer
	b.WriteString("/* Written by wire/gen from the Go package wire. Do not edit: run make generate. */\n")
	b.WriteString("#ifndef PQ_WIRE_H\n#define PQ_WIRE_H\n")
	for _, g := range groups {
		fmt.Fprintf(&b, "\n/* %s */\n", g.doc)
		for _, c := range g.consts {
			fmt.Fprintf(&b, "#define PQ_%s %s", snake(c.name), c.value.ExactString())
			if c.comment != "" {
				fmt.Fprintf(&b, " /* %s */", c.comment)
			}
			b.WriteByte('\n')
		}
	}
	b.WriteString("\n#endif\n")
	return b.Bytes()
}

func luaBlock(groups []group) []byte {
	var b bytes.Buffer
	b.WriteString("local W = {\n")
	for _, g := range groups {
		for _, c := range g.consts {
			fmt.Fprintf(&b, "  %s = %s,\n", snake(c.name), c.value.ExactString())
		}
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// replaceBlock puts block between the line that holds "wire:begin" and the
// line that holds "wire:end".
func replaceBlock(file, block []byte) ([]byte, error) {
	begin := bytes.Index(file, []byte("wire:begin"))
	end := bytes.Index(file, []byte("wire:end"))
	if begin < 0 || end < begin {
		return nil, fmt.Errorf("no lines wire:begin and wire:end")
	}
	from := begin + bytes.IndexByte(file[begin:], '\n') + 1
	to := bytes.LastIndexByte(file[:end], '\n') + 1
	return append(append(append([]byte{}, file[:from]...), block...), file[to:]...), nil
}
