package verdict

import (
	"context"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Health is a verdict of Argo CD.
type Health string

// The verdicts a script may return.
const (
	Progressing Health = "Progressing"
	Suspended   Health = "Suspended"
	Degraded    Health = "Degraded"
	Healthy     Health = "Healthy"
)

// scriptTimeout is how long Argo CD lets a script run.
const scriptTimeout = time.Second

// Argo runs a health script of Argo CD on an object, and returns the verdict and its message. The script has the same
// environment as in Argo CD without useOpenLibs: the object as the global obj, and Lua's basic functions and tables.
// Argo CD also provides a reduced os library; it is missing here because the scripts of this project do not need it.
func Argo(ctx context.Context, script string, obj *unstructured.Unstructured) (Health, string, error) {
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return "", "", fmt.Errorf("opening library %q: %w", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, scriptTimeout)
	defer cancel()
	l.SetContext(ctx)
	l.SetGlobal("obj", luaValue(l, obj.Object))
	if err := l.DoString(script); err != nil {
		return "", "", err
	}
	table, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("the script returned a %s, not a table", l.Get(-1).Type())
	}
	health, ok := table.RawGetString("status").(lua.LString)
	if !ok {
		return "", "", fmt.Errorf("status is a %s, not a string", table.RawGetString("status").Type())
	}
	message, ok := table.RawGetString("message").(lua.LString)
	if !ok {
		return "", "", fmt.Errorf("message is a %s, not a string", table.RawGetString("message").Type())
	}
	switch h := Health(health); h {
	case Progressing, Suspended, Degraded, Healthy:
		return h, string(message), nil
	}
	return "", "", fmt.Errorf("%q is no verdict of Argo CD", string(health))
}

// luaValue converts a value of a decoded JSON document to Lua.
func luaValue(l *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case bool:
		return lua.LBool(v)
	case string:
		return lua.LString(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		list := l.CreateTable(len(v), 0)
		for _, item := range v {
			list.Append(luaValue(l, item))
		}
		return list
	case map[string]any:
		table := l.CreateTable(0, len(v))
		for key, item := range v {
			table.RawSetString(key, luaValue(l, item))
		}
		return table
	}
	return lua.LNil
}
