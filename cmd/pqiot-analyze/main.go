package main
import ("bytes";"context";"encoding/json";"os";"fmt";"pqiot/analysis";"pqiot/analysis/unseal")
func main(){
 var o analysis.Options
 if len(os.Args)>2 { n,err:=unseal.ParsePassphrase(os.Args[2]); if err!=nil{panic(err)}; o.Networks=append(o.Networks,n)}
 d,_:=os.ReadFile(os.Args[1])
 r,err:=analysis.Run(context.Background(),o,analysis.Input{Name:os.Args[1],R:bytes.NewReader(d)})
 if err!=nil{fmt.Println(err);os.Exit(2)}
 e:=json.NewEncoder(os.Stdout);e.SetIndent(""," ");e.Encode(r)
}
