package main
import ("testing";"fmt";"time";"os";"pegel/testenv";"pegel/internal/judge";"pegel/internal/archive";"pegel/internal/plan";"pegel/probes")
func TestDbg(t *testing.T){
 run,err:=archive.Open(os.Getenv("RUN")); if err!=nil{t.Skip("no run")}
 s,err:=archivedScenario(run,""); if err!=nil{t.Fatal(err)}
 r,err:=judge.Judge(run,s,judge.Options{}); if err!=nil{t.Fatal(err)}
 p,err:=plan.Build(s,probes.All()); if err!=nil{t.Fatal(err)}
 def:=testenv.Draw(run.Meta.Seed)
 for _,st:=range r.Stages{
  sim:=testenv.Simulate(def,workload(p),testenv.SimOptions{Users:st.Users,Seed:5,Warmup:20*time.Second,Horizon:200*time.Second})
  fmt.Println("stage",st.Users,"throughput",st.Throughput)
  for _,u:=range st.Resources{ for _,x:=range sim.Resources{ if x.Name==u.Name{ fmt.Printf("  %-9s meas rate %.1f demand %.2fms util %.3f | sim rate %.1f demand %.2fms util %.3f\n",u.Name,u.Rate,u.Demand*1e3,u.Utilisation,float64(x.Served)/200,x.Busy/float64(x.Served)*1e3,x.Utilisation)}}}
  for _,a:=range st.Actions{ x:=sim.Actions[a.Action]; if x==nil {fmt.Printf("  %-20s meas n %d rate %.1f p50 %v p95 %v svc95 %v\n",a.Action,a.Count,a.Rate,a.P50,a.P95,a.ServiceP95);continue}
   fmt.Printf("  %-20s meas n %d rate %.1f p50 %v p95 %v svc95 %v | sim rate %.1f p50 %v p95 %v\n",a.Action,a.Count,a.Rate,a.P50.Round(time.Millisecond),a.P95.Round(time.Millisecond),a.ServiceP95.Round(time.Millisecond),x.Throughput,x.Quantile(.5).Round(time.Millisecond),x.Quantile(.95).Round(time.Millisecond))}
 }
 fmt.Println(r.Forecast.Users, r.Forecast.Limit)
 for _,x:=range r.Forecast.Resources{fmt.Printf("%+v\n",x)}
}
