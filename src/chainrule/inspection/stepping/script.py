"""The style and the script of the page."""

__all__ = ["SCRIPT", "STYLE"]

STYLE = """
:root{color-scheme:light dark;--page:#fff;--text:#1b1b1b;--line:#8a8a8a;--box:#f4f4f2;--blue:#22629f;--orange:#a84d0b}
@media(prefers-color-scheme:dark){:root{--page:#141414;--text:#ececec;--box:#232323;--blue:#79b4ee;--orange:#f0a064}}
*{box-sizing:border-box}
body{margin:0 auto;padding:12px;max-width:60em;background:var(--page);color:var(--text);
font:15px/1.45 system-ui,sans-serif}
h1{font-size:1.15em;margin:.2em 0 .6em}
form{display:flex;flex-wrap:wrap;gap:.5em 1em;margin:0 0 .6em}
label{display:flex;align-items:center;gap:.4em;font-family:ui-monospace,monospace}
input{font:inherit;width:7em;min-height:36px;padding:.2em .4em;background:var(--box);color:inherit;
border:1px solid var(--line);border-radius:4px}
input:invalid{border-color:var(--orange);outline:1px solid var(--orange)}
.board{position:sticky;top:0;background:var(--page);z-index:1}
nav{display:flex;align-items:center;gap:.4em;padding:.4em 0}
nav output{min-width:9.5em;text-align:center}
button{font:inherit;min-width:44px;min-height:40px;border:1px solid var(--line);border-radius:6px;
background:var(--box);color:inherit;cursor:pointer}
button:disabled{opacity:.4;cursor:default}
#words{height:8.6em;overflow:auto;padding:.5em .7em;margin:0 0 .6em;background:var(--box);border-radius:6px;
font-family:ui-monospace,monospace;font-size:.93em;overflow-wrap:anywhere}
#words p{margin:.1em 0}
.wide{overflow-x:auto}
svg{display:block;margin:0 auto;height:auto}
svg text{fill:var(--text);font:12px ui-monospace,monospace;text-anchor:middle}
svg .value{fill:var(--blue)}
svg .derivative{fill:var(--orange)}
svg .local{fill:var(--orange);font-size:11px;paint-order:stroke;stroke:var(--page);stroke-width:4px}
svg rect{fill:var(--box);stroke:var(--line)}
svg .input rect{stroke-dasharray:4 3}
svg g.node{cursor:pointer}
svg g.now rect{stroke:var(--text);stroke-width:2.5}
svg path{fill:none;stroke:var(--line)}
svg path.now{stroke:var(--orange);stroke-width:2.5}
svg path.forward{stroke:var(--blue);stroke-width:2.5}
.note{font-size:.88em}
"""

SCRIPT = r"""
const V=DATA.values,L=DATA.letter,BY={};V.forEach(v=>BY[v.name]=v);
const OUT=V[V.length-1].name,COMPUTED=V.filter(v=>v.run),REAL=V.filter(v=>v.real).reverse();
const EDGES={};V.forEach(v=>EDGES[v.name]=DATA.edges.filter(e=>e.source===v.name));
const given={};V.filter(v=>!v.run).forEach(v=>given[v.name]=v.start.slice());
const REDUCE={sum:[0,(a,b)=>a+b],prod:[1,(a,b)=>a*b],max:[-Infinity,(a,b)=>Math.max(a,b)],
min:[Infinity,(a,b)=>Math.min(a,b)]};
function run(i,get){
  const of=i.of.map(get);
  if(i.kind==="map"){
    const f=FUNCTIONS[i.f],made=[];
    for(let k=0;k<i.size;k++)made.push(f(...of.map((x,j)=>x[i.at[j]?i.at[j][k]:k])));
    return made;
  }
  if(i.kind==="take"){const all=[].concat(...of);return i.at.map(k=>k<0?0:all[k]);}
  if(i.kind==="put"||i.kind==="reduce"){
    const [start,f]=REDUCE[i.f||"sum"],made=Array(i.size).fill(start);
    of[0].forEach((x,k)=>made[i.at[k]]=f(made[i.at[k]],x));
    return made;
  }
  const [n,m,p]=i.dims,made=Array(n*p).fill(0);
  for(let r=0;r<n;r++)for(let c=0;c<p;c++)for(let k=0;k<m;k++)made[r*p+c]+=of[0][r*m+k]*of[1][k*p+c];
  return made;
}
function number(x){return x==="Infinity"?Infinity:x==="-Infinity"?-Infinity:x==="NaN"?NaN:x;}
let value={},derivative={},passed=new Map();
function compute(){
  value={};derivative={};passed=new Map();
  const get=r=>Array.isArray(r)?r.map(number):r.startsWith("d:")?derivative[r.slice(2)]:value[r];
  V.forEach(v=>value[v.name]=v.run?run(v.run,get):given[v.name]);
  V.forEach(v=>derivative[v.name]=Array(value[v.name].length).fill(0));
  derivative[OUT]=[1];
  REAL.forEach(v=>EDGES[v.name].forEach(e=>{
    const made=[];
    e.run.forEach(i=>made.push(run(i,r=>typeof r==="number"?made[r]:get(r))));
    const local=made[made.length-1],to=Array(e.size).fill(0);
    e.to.forEach((k,n)=>{
      const g=e.factor?derivative[e.by][e.arrives[n]]:0;
      // As in the backward pass, a zero that arrives stays zero where the local derivative is infinite.
      to[k]+=e.factor?(g===0?0:g*local[e.local[n]]):local[n];
    });
    passed.set(e,{local,to});
    to.forEach((x,k)=>derivative[v.name][k]+=x);
  }));
}
function show(x,shape){
  const one=y=>Number.isFinite(y)?String(+y.toPrecision(6)).replace("-","−"):String(y).replace("-","−");
  if(!shape||!shape.length)return one(x[0]);
  if(x.length>6)return "("+shape.join("×")+") "+x.slice(0,3).map(y=>one(+y.toPrecision(3))).join(", ")+", …";
  return "["+x.map(y=>one(+y.toPrecision(3))).join(", ")+"]";
}
function local(e){const x=passed.get(e).local;return show(x,x.length>1?BY[e.by].shape:[]);}
const BACK=REAL,STEPS=COMPUTED.length+BACK.length;
let at=0;
const by=id=>document.getElementById(id),NS="http://www.w3.org/2000/svg";
function add(parent,tag,attributes,text){
  const e=document.createElementNS(NS,tag);
  for(const k in attributes)e.setAttribute(k,attributes[k]);
  if(text!==undefined)e.textContent=text;
  parent.appendChild(e);
  return e;
}
const W=150,H=66,DX=166,DY=112,drawn={},lines=[];
function short(t,n){return t.length>n?t.slice(0,n-1)+"…":t;}
function draw(){
  const svg=by("graph"),width=(Math.max(...V.map(v=>v.x))+1)*DX+8,height=(Math.max(...V.map(v=>v.y))+1)*DY;
  Object.assign(svg.style,{width:"100%",maxWidth:width+"px",minWidth:.72*width+"px"});
  svg.setAttribute("viewBox",`0 0 ${width} ${height}`);
  const cx=v=>v.x*DX+W/2+8,cy=v=>v.y*DY+H/2+6;
  V.forEach(v=>{
    // Lines enter a box in the order in which they come from left to right.
    const ways=v.from.map((s,k)=>{
      const points=v.through[k].map(([x,y])=>[x*DX+W/2+8,y*DY+H/2+6]);
      return {s,k,points,x:points.length?points[points.length-1][0]:cx(BY[s])};
    }).sort((a,b)=>a.x-b.x);
    ways.forEach(({s,points},n)=>{
      const a=BY[s],end=[cx(v)+(n-(ways.length-1)/2)*26,cy(v)-H/2];
      let [x,y]=[cx(a),cy(a)+H/2],path=`M${x},${y}`;
      points.forEach(([px,py])=>{
        path+=`C${x},${(y+py-H/2)/2} ${px},${(y+py-H/2)/2} ${px},${py-H/2}L${px},${py+H/2}`;
        [x,y]=[px,py+H/2];
      });
      path+=`C${x},${(y+end[1])/2} ${end[0]},${(y+end[1])/2} ${end}`;
      lines.push({p:add(svg,"path",{d:path}),from:s,to:v.name,x:(x+end[0])/2,y:(y+end[1])/2+4});
    });
  });
  V.forEach(v=>{
    const g=add(svg,"g",{class:"node"+(v.run?"":" input"),tabindex:"0","data-name":v.name,
      transform:`translate(${cx(v)-W/2},${cy(v)-H/2})`});
    add(g,"title",{},v.formula?v.name+" = "+v.formula:v.name);
    add(g,"rect",{width:W,height:H,rx:8});
    add(g,"text",{x:W/2,y:18},short(v.formula?v.name+" = "+v.formula:v.name,20));
    drawn[v.name]={g,value:add(g,"text",{x:W/2,y:37,class:"value"}),derivative:add(g,"text",{x:W/2,y:56,class:"derivative"})};
    const go=()=>{
      const forward=COMPUTED.indexOf(v)+1,back=COMPUTED.length+BACK.indexOf(v)+1;
      move(BACK.includes(v)&&(at>COMPUTED.length||!v.run||at===forward)?back:forward);
    };
    g.addEventListener("click",go);
    g.addEventListener("keydown",e=>{if(e.key==="Enter"||e.key===" "){e.preventDefault();go();}});
  });
  // Each path of the drawing belongs to one edge of the backward pass; those of one pair are told apart by their order.
  const seen={};
  lines.forEach(l=>{
    const key=l.from+">"+l.to,n=seen[key]=(seen[key]||0)+1;
    l.edge=EDGES[l.from].filter(e=>e.by===l.to)[n-1];
    l.label=add(svg,"text",{x:l.x,y:l.y,class:"local"});
  });
}
function words(){
  const say=[];
  if(at===0)say.push("The arguments are given. Step on: each value is computed from those above it.");
  else if(at<=COMPUTED.length){
    const v=COMPUTED[at-1];
    say.push("Forward, step "+at+" of "+COMPUTED.length,`${v.name} = ${v.formula}`,
      ...[...new Set(v.from)].map(s=>`    ${s} = ${show(value[s],BY[s].shape)}`),
      `${v.name} = ${show(value[v.name],v.shape)}`);
  }else{
    const v=BACK[at-COMPUTED.length-1],own=EDGES[v.name],total=v.derivative;
    say.push("Backward, step "+(at-COMPUTED.length)+" of "+BACK.length);
    if(v.name===OUT)say.push(`${total} = 1, since ${L} is ${v.name} itself`);
    else if(!own.length)say.push(`${total} = 0: the output does not depend on ${v.name}`);
    else{
      if(own.length>1)say.push(`${own.length} paths meet at ${v.name}, and what comes back on them is added:`);
      own.forEach(e=>{
        const found=passed.get(e),shape=BY[e.by].shape,arrives=BY[e.by].derivative;
        say.push(e.factor?`through ${e.by}: ${arrives} · ${e.product} = `+
            `${show(derivative[e.by],shape)} · ${local(e)} = ${show(found.to,v.shape)}`
          :`through ${e.by}: ${e.text} = ${show(found.to,v.shape)}`);
      });
      say.push(`${total} = ${show(derivative[v.name],v.shape)}`);
    }
  }
  const place=by("words");
  place.replaceChildren(...say.map(t=>{const p=document.createElement("p");p.textContent=t;return p;}));
}
function render(){
  const forward=Math.min(at,COMPUTED.length),back=Math.max(0,at-COMPUTED.length);
  const reached=new Set(BACK.slice(0,back).map(v=>v.name));
  const now=at===0?null:at<=COMPUTED.length?COMPUTED[at-1]:BACK[back-1];
  V.forEach(v=>{
    const d=drawn[v.name],known=!v.run||COMPUTED.indexOf(v)<forward;
    d.value.textContent=known?short(show(value[v.name],v.shape),20):"";
    d.derivative.textContent=reached.has(v.name)?short(v.derivative+" = "+show(derivative[v.name],v.shape),20):"";
    d.g.classList.toggle("now",v===now);
  });
  lines.forEach(l=>{
    const isBack=back>0&&now&&l.from===now.name&&l.edge,isForward=back===0&&now&&l.to===now.name;
    l.p.classList.toggle("now",!!isBack);l.p.classList.toggle("forward",!!isForward);
    l.label.textContent=l.edge&&reached.has(l.from)&&l.edge.factor?
      short("· "+local(l.edge),14):"";
  });
  by("place").textContent=at===0?"start":at<=COMPUTED.length?
    `forward ${at} of ${COMPUTED.length}`:`backward ${back} of ${BACK.length}`;
  by("first").disabled=by("back").disabled=at===0;
  by("next").disabled=by("last").disabled=at===STEPS;
  words();
}
function move(to){
  at=Math.max(0,Math.min(STEPS,to));
  render();
  const now=document.querySelector("g.now");
  if(now){
    const box=now.getBoundingClientRect();
    const top=document.querySelector(".board").getBoundingClientRect().bottom+40;
    if(box.top<top||box.bottom>innerHeight-20)scrollBy(0,box.top-Math.max(top,innerHeight*.6));
  }
}
function place(k,shape){
  return shape.map((n,i)=>Math.floor(k/shape.slice(i+1).reduce((a,b)=>a*b,1))%n).join(", ");
}
function fields(){
  V.filter(v=>!v.run).forEach(v=>v.start.forEach((x,k)=>{
    const label=document.createElement("label"),input=document.createElement("input");
    label.textContent=v.shape.length?`${v.name}[${place(k,v.shape)}]`:v.name;
    input.type="text";input.inputMode="decimal";input.value=x;
    input.dataset.name=v.name;
    input.addEventListener("input",()=>{
      const text=input.value.trim().replace(",","."),y=text===""?NaN:Number(text);
      input.setCustomValidity(Number.isFinite(y)?"":"a number, such as 0.5 or 1e-3");
      if(Number.isFinite(y)){given[v.name][k]=y;compute();render();}
    });
    label.appendChild(input);by("inputs").appendChild(label);
  }));
  by("inputs").addEventListener("submit",e=>e.preventDefault());
}
document.addEventListener("keydown",e=>{
  if(e.target.tagName==="INPUT"||e.ctrlKey||e.metaKey||e.altKey)return;
  const to={ArrowRight:at+1,ArrowLeft:at-1,Home:0,End:STEPS}[e.key];
  if(to!==undefined){e.preventDefault();move(to);}
});
by("first").onclick=()=>move(0);by("back").onclick=()=>move(at-1);
by("next").onclick=()=>move(at+1);by("last").onclick=()=>move(STEPS);
fields();compute();draw();render();
"""
