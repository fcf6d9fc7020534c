//! The rules of the kit, a function each: it plays its cases and says the
//! first in which the rule does not hold.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use http::header::CONTENT_LENGTH;

use super::below::{CUT, Shape, TEXT, TOLD};
use super::play::{FIRSTS, Make, Play, SENT, Sent, script};
use super::{Breach, Rule};
use crate::body::Body;
use crate::response::Response;

type Verdict = Result<(), Breach>;

/// In an order in which a breach is found by the rule that says most about it.
pub(super) const ALL: &[fn(Make<'_>) -> Verdict] = &[
    head_first, ends, pieces, cut_short, bodiless, unread, dropped, cancelled, replayed, stream,
    again, events,
];

/// Long enough for every wait that a layer may have, and for what it reads of answers that it swallows.
const MINUTE: Duration = Duration::from_secs(60);

/// An exchange up to its head; `None` if there is no answer, which other rules judge.
fn head(
    rule: Rule,
    make: Make<'_>,
    sent: Sent,
    first: (u16, bool),
    shape: Shape,
) -> Result<(Play, Option<Response>), Breach> {
    let play = Play::new(rule, make, sent, script(first, shape));
    let answer = play.outcome(play.send(sent, "/"))?;
    Ok((play, answer.ok()))
}

/// The body of an answer that nobody had before.
fn body(play: &Play, response: &Response) -> Result<Body, Breach> {
    let taken = response.take_body();
    taken.map_err(|error| play.breach(error.to_string()))
}

fn head_first(make: Make<'_>) -> Verdict {
    for &first in FIRSTS {
        for shape in [Shape::Silent, Shape::Endless] {
            head(Rule::HeadFirst, make, Sent::Get, first, shape)?;
        }
    }
    Ok(())
}

fn ends(make: Make<'_>) -> Verdict {
    for sent in [Sent::Get, Sent::Post, Sent::PostOnce] {
        for &first in FIRSTS {
            let mut failing = script(first, Shape::Ready);
            failing.fails = true;
            for script in [script(first, Shape::Ready), failing] {
                let play = Play::new(Rule::Ends, make, sent, script);
                let outcome = play.outcome(play.send(sent, "/"))?;
                // What stops a call by itself may say so; what nobody has a reason to stop goes through.
                let fine = first.0 == 200 && !script.fails;
                play.demand(!fine || outcome.is_ok(), || match outcome {
                    Err(error) => format!("it fails: {error}"),
                    Ok(_) => String::new(),
                })?;
            }
        }
    }
    Ok(())
}

fn pieces(make: Make<'_>) -> Verdict {
    for &first in FIRSTS {
        for shape in [Shape::Ready, Shape::Slow] {
            let (play, answer) = head(Rule::Pieces, make, Sent::Get, first, shape)?;
            let Some(response) = answer else { continue };
            let own = play.below.asked() == 0;
            let coded = response.headers().contains_key("content-encoding");
            let body = body(&play, &response)?;
            let length = body.length();
            let (all, trailers) = match play.read(body)? {
                Ok(read) => read,
                Err(error) => return Err(play.breach(format!("its body ends with: {error}"))),
            };
            let counted = all.len() as u64;
            play.demand(length.is_none_or(|length| length == counted), || {
                format!("its body said {length:?} bytes and has {counted}")
            })?;
            if own {
                continue;
            }
            play.demand(coded || all == TEXT, || {
                let wanted = TEXT.len();
                format!("its body is another: {counted} bytes instead of {wanted}")
            })?;
            play.demand(trailers, || "its trailers are gone".into())?;
        }
    }
    Ok(())
}

fn cut_short(make: Make<'_>) -> Verdict {
    for &first in FIRSTS {
        let (play, answer) = head(Rule::CutShort, make, Sent::Get, first, Shape::Cut)?;
        let Some(response) = answer else { continue };
        if play.below.asked() == 0 {
            continue;
        }
        let seen = match play.read(body(&play, &response)?)? {
            Err(error) if error.to_string().contains(CUT) => continue,
            Err(error) => format!("its reader is told another error: {error}"),
            Ok((all, _)) => format!("its reader takes {} bytes for all of it", all.len()),
        };
        return Err(play.breach(seen));
    }
    Ok(())
}

fn bodiless(make: Make<'_>) -> Verdict {
    let heads = FIRSTS.iter().map(|&first| (Sent::Head, first));
    let cases = heads.chain([(Sent::Get, (204, false)), (Sent::Get, (304, false))]);
    for (sent, first) in cases {
        let play = Play::new(Rule::Bodiless, make, sent, script(first, Shape::Ready));
        let response = match play.outcome(play.send(sent, "/"))? {
            Ok(response) => response,
            Err(error) => return Err(play.breach(format!("it fails: {error}"))),
        };
        if play.below.asked() == 0 {
            continue;
        }
        let kept = response.headers().contains_key(CONTENT_LENGTH);
        play.demand(kept, || {
            "its Content-Length, the length of what GET gives, is gone".into()
        })?;
        match play.read(body(&play, &response)?)? {
            Ok((all, _)) => {
                play.demand(all.is_empty(), || format!("{} bytes for a body", all.len()))?
            }
            Err(error) => return Err(play.breach(format!("its body fails: {error}"))),
        }
    }
    Ok(())
}

fn unread(make: Make<'_>) -> Verdict {
    for &first in FIRSTS {
        let (play, answer) = head(Rule::Unread, make, Sent::Get, first, Shape::Ready)?;
        let Some(_response) = answer else { continue };
        play.wait(MINUTE);
        let polled = play.below.polled();
        play.demand(polled == 0, || {
            format!("{polled} pieces were asked for, and its reader had not begun")
        })?;
    }
    Ok(())
}

fn dropped(make: Make<'_>) -> Verdict {
    for &first in FIRSTS {
        for half_read in [false, true] {
            let (play, answer) = head(Rule::Drop, make, Sent::Get, first, Shape::Endless)?;
            let Some(response) = answer else { continue };
            if half_read {
                let taken = body(&play, &response)?;
                // Compressed content may have no first piece to show yet.
                if !first.1 {
                    drop(play.begin(taken)?);
                }
            }
            play.inside(|| drop(response));
            play.wait(MINUTE);
            let alive = play.below.alive();
            play.demand(alive == 0, || {
                let when = if half_read { "half read" } else { "unread" };
                format!("it was dropped {when}, and {alive} of what came from below is still there")
            })?;
        }
    }
    Ok(())
}

fn cancelled(make: Make<'_>) -> Verdict {
    for sent in [Sent::Get, Sent::Post] {
        for &first in FIRSTS {
            for mute in [1, 2] {
                let mut script = script(first, Shape::Ready);
                script.mute = Some(mute);
                let play = Play::new(Rule::Cancel, make, sent, script);
                let promise = play.send(sent, "/");
                play.wait(MINUTE);
                if promise.is_settled() {
                    continue;
                }
                let asked = play.below.asked();
                play.inside(|| promise.cancel());
                play.wait(MINUTE);
                let alive = play.below.alive();
                play.demand(alive == 0, || {
                    format!("it was cancelled, and {alive} of what was asked below goes on")
                })?;
                let more = play.below.asked() - asked;
                play.demand(more == 0, || {
                    format!("it was cancelled, and {more} more calls were made")
                })?;
            }
        }
    }
    Ok(())
}

fn replayed(make: Make<'_>) -> Verdict {
    for sent in [Sent::Post, Sent::PostOnce] {
        for &first in FIRSTS {
            let play = Play::new(Rule::Replay, make, sent, script(first, Shape::Ready));
            let _outcome = play.outcome(play.send(sent, "/"))?;
            let arrived = play.below.arrived.borrow();
            for (index, one) in arrived.iter().enumerate() {
                let (nth, length) = (index + 1, one.body.len());
                let whole = one.method != "POST" || one.body == SENT;
                play.demand(whole, || {
                    let wanted = SENT.len();
                    format!("send {nth} has {length} bytes for a body instead of {wanted}")
                })?;
                let twin = arrived[..index].iter().any(|e| e.number == one.number);
                play.demand(!twin, || {
                    let (hop, attempt) = one.number;
                    format!("send {nth} is hop {hop}, attempt {attempt}, as one before it")
                })?;
            }
        }
    }
    Ok(())
}

fn stream(make: Make<'_>) -> Verdict {
    for taken in [true, false] {
        let (sent, switching) = (Sent::Get, (101, false));
        let (play, answer) = head(Rule::Stream, make, sent, switching, Shape::None)?;
        let Some(response) = answer else { continue };
        if play.below.asked() == 0 {
            continue;
        }
        if taken {
            let stream = response.upgrade();
            let stream = stream.map_err(|error| play.breach(error.to_string()))?;
            let read = play.first_bytes(&stream)?;
            play.demand(read == TEXT, || {
                format!("what came behind its head is lost, and read is {read:?}")
            })?;
        }
        play.inside(|| drop(response));
        play.wait(MINUTE);
        let alive = play.below.alive();
        play.demand(alive == 0, || {
            "the response was dropped, and the stream is still there".into()
        })?;
    }
    Ok(())
}

fn again(make: Make<'_>) -> Verdict {
    for &first in FIRSTS {
        let play = || Play::new(Rule::Again, make, Sent::Get, script(first, Shape::Ready));
        let after = play();
        for round in ["the first call", "the second call"] {
            own_answer(&after, round, after.send(Sent::Get, "/there"))?;
        }
        let beside = play();
        let (slow, fast) = (
            beside.send(Sent::Get, "/first"),
            beside.send(Sent::Get, "/second"),
        );
        own_answer(&beside, "the faster of two at once", fast)?;
        own_answer(&beside, "the slower of two at once", slow)?;
        let nested = play();
        own_answer(
            &nested,
            "the one that has another inside",
            nested.nest("/there"),
        )?;
    }
    // Whose answer is whose, where no layer has a reason to ask for something else.
    let play = Play::new(
        Rule::Again,
        make,
        Sent::Get,
        script((200, false), Shape::Slow),
    );
    let calls = ["/first", "/second"].map(|path| (path, play.send(Sent::Get, path)));
    for (path, promise) in calls {
        let Ok(response) = play.outcome(promise)? else {
            continue;
        };
        if let Ok((all, _)) = play.read(body(&play, &response)?)?
            && play.below.asked() == 2
        {
            play.demand(all == path.as_bytes(), || {
                let text = String::from_utf8_lossy(&all);
                format!("of two at once, {path} has got the answer to {text}")
            })?;
        }
    }
    Ok(())
}

fn own_answer(play: &Play, which: &str, promise: evcore::Promise<Response>) -> Verdict {
    match play.outcome(promise)? {
        Ok(_) => Ok(()),
        Err(error) => Err(play.breach(format!("{which} fails: {error}"))),
    }
}

fn events(make: Make<'_>) -> Verdict {
    for &first in FIRSTS {
        let play = Play::new(Rule::Events, make, Sent::Get, script(first, Shape::Ready));
        let heard = Rc::new(Cell::new(0));
        let count = heard.clone();
        let promise = play
            .send(Sent::Get, "/")
            .on(TOLD, move |()| count.set(count.get() + 1));
        let _outcome = play.outcome(promise)?;
        let (heard, told) = (heard.get(), play.below.asked());
        play.demand(heard == told, || {
            format!("{told} events were told below, and {heard} heard above")
        })?;
    }
    Ok(())
}
