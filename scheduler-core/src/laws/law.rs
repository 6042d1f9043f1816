//! The laws: what holds of every policy and constraint, and what holds of those that claim it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::subject::{Answer, Subject, names};
use super::{History, Operation, Run};
use crate::cluster::{Cluster, InstanceId};
use crate::placement::{Placement, Scheduler};

/// How often what must be the same each time is asked.
const TIMES: usize = 8;

/// How often, to be sure that another law is what is broken: a coin falls alike one time in 2^64.
const TIMES_TO_BE_SURE: usize = 64;

/// A law for policies and constraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Law {
    /// It answers whatever it is asked: also of instances and tasks of the largest and the smallest amounts, and of a
    /// fleet of which nothing is left that it likes. (In a build that checks overflow, as tests are, this includes that
    /// nothing overflows.)
    NeverPanics,
    /// The same question has the same answer: asked again, of a rule made anew, on a fork, and on a cluster that had the
    /// same history.
    SameQuestionSameAnswer,
    /// Whatever else it has been asked before, it answers as a rule that was just made. A score by which an instance is
    /// remembered must not depend on what does not change the instance (a task's status, health and protection do).
    OtherQuestionsDoNotMatter,
    /// Somebody is chosen exactly when somebody may be; the one chosen passes every check and constraint; and the GPUs
    /// that a policy names can give the task what it wants. Of policies only. (The types keep the first two;
    /// GPUs that cannot be given are passed over in silence, so here they are told.)
    ChoosesWhatMayBeChosen,
    /// A claim: an instance that it keeps or admits, it keeps or admits when one of the tasks there is gone.
    MoreRoomIsNeverWorse,
    /// A claim, of policies that pack, or of constraints that want company: an instance that it keeps, it keeps when one more task is there and it is still
    /// eligible.
    LessRoomIsNeverWorse,
}

impl Law {
    /// The laws that every policy must keep.
    pub const OF_POLICIES: [Self; 4] = [
        Self::NeverPanics,
        Self::SameQuestionSameAnswer,
        Self::OtherQuestionsDoNotMatter,
        Self::ChoosesWhatMayBeChosen,
    ];

    /// The laws that every constraint must keep.
    pub const OF_CONSTRAINTS: [Self; 3] =
        [Self::NeverPanics, Self::SameQuestionSameAnswer, Self::OtherQuestionsDoNotMatter];

    /// The law as a sentence, and as the name of its test.
    pub fn name(self) -> &'static str {
        match self {
            Self::NeverPanics => "never_panics",
            Self::SameQuestionSameAnswer => "same_question_same_answer",
            Self::OtherQuestionsDoNotMatter => "other_questions_do_not_matter",
            Self::ChoosesWhatMayBeChosen => "chooses_what_may_be_chosen",
            Self::MoreRoomIsNeverWorse => "more_room_is_never_worse",
            Self::LessRoomIsNeverWorse => "less_room_is_never_worse",
        }
    }

    /// What a subject does against the law at the end of a history, and asked by which request.
    ///
    /// A panic is [`NeverPanics`](Self::NeverPanics)' business alone, and what is not the same each time
    /// [`SameQuestionSameAnswer`](Self::SameQuestionSameAnswer)'s, so that one fault breaks one law.
    pub(super) fn judge(self, subject: &Subject, history: &History) -> Result<(), Finding> {
        let mut asked = 0;
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let mut run = history.begin();
            for operation in &history.operations {
                // A call that errs changes nothing.
                let _ = run.apply(operation);
            }
            for request in 0..history.requests.len() {
                asked = request;
                let case = Case { subject, history, cluster: &run.cluster, request };
                self.judge_case(&case)?;
            }
            Ok(())
        }));
        match judged {
            Ok(found) => found,
            Err(payload) if self == Self::NeverPanics => {
                let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
                let what = format!("it panics: {}", text.unwrap_or_else(|| "without a message".into()));
                Err(Finding { request: asked, what, after: None })
            }
            Err(_) => Ok(()),
        }
    }

    fn judge_case(self, case: &Case<'_>) -> Result<(), Finding> {
        let found = match self {
            Self::NeverPanics => {
                case.answer(case.cluster);
                case.answers_among_others();
                return Ok(());
            }
            Self::SameQuestionSameAnswer => return case.is_answered_alike(TIMES).map_err(|what| case.finding(what)),
            Self::OtherQuestionsDoNotMatter => case.ignores_other_questions(),
            Self::ChoosesWhatMayBeChosen => case.chooses_what_may_be_chosen(),
            Self::MoreRoomIsNeverWorse | Self::LessRoomIsNeverWorse => case.prefers(self),
        };
        found.or_else(|finding| if case.is_answered_alike(TIMES_TO_BE_SURE).is_ok() { Err(finding) } else { Ok(()) })
    }
}

/// What was found against a law.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    /// Which of the history's requests was asked.
    pub(super) request: usize,
    /// What the rule did, as a sentence without its subject.
    pub(super) what: String,
    /// What has happened besides when it was asked.
    pub(super) after: Option<Operation>,
}

/// One question: a request on the cluster that a history leaves.
struct Case<'a> {
    subject: &'a Subject,
    history: &'a History,
    cluster: &'a Cluster,
    request: usize,
}

impl Case<'_> {
    fn answer(&self, cluster: &Cluster) -> Answer {
        self.subject.answer(self.history, cluster, self.request)
    }

    fn is_answered_alike(&self, times: usize) -> Result<(), String> {
        let first = self.answer(self.cluster);
        let compare = |cluster: &Cluster, answer: &Answer, when: &str| {
            let keeps = self.subject.keeps();
            let told =
                || format!("it {keeps} {}, and {when} it {keeps} {}", first.told(self.cluster), answer.told(cluster));
            if *answer == first { Ok(()) } else { Err(told()) }
        };
        let mut fork = self.cluster.fork();
        for _ in 0..times {
            let mut fresh = self.subject.fresh(self.history, &mut fork);
            compare(self.cluster, &fresh.answer(self.cluster, self.request), "made anew")?;
            compare(self.cluster, &fresh.answer(self.cluster, self.request), "asked again")?;
        }
        compare(&fork, &self.answer(&fork), "on a fork")?;
        let again = self.history.replay();
        compare(&again, &self.answer(&again), "after the same history")
    }

    /// What one rule that is asked all requests after each operation answers in the end; and once more, after the requests
    /// that come later.
    fn answers_among_others(&self) -> [Answer; 2] {
        let mut run: Run = self.history.begin();
        let mut asked = self.subject.fresh(self.history, &mut run.cluster);
        let all = 0..self.history.requests.len();
        let mut ask_all =
            |cluster: &Cluster| -> Vec<Answer> { all.clone().map(|request| asked.answer(cluster, request)).collect() };
        let mut last = ask_all(&run.cluster);
        for operation in &self.history.operations {
            // A call that errs changes nothing.
            let _ = run.apply(operation);
            last = ask_all(&run.cluster);
        }
        let mut once_more = ask_all(&run.cluster);
        [last.swap_remove(self.request), once_more.swap_remove(self.request)]
    }

    fn ignores_other_questions(&self) -> Result<(), Finding> {
        let alone = self.answer(self.cluster);
        let differing = self.answers_among_others().into_iter().find(|answer| *answer != alone);
        let Some(asked) = differing else { return Ok(()) };
        let (keeps, alone, asked) = (self.subject.keeps(), alone.told(self.cluster), asked.told(self.cluster));
        Err(self.finding(format!(
            "it {keeps} {asked} if it was asked all requests after each event, and {alone} if it was just made"
        )))
    }

    fn chooses_what_may_be_chosen(&self) -> Result<(), Finding> {
        self.is_right_choice(self.cluster).map_err(|what| self.finding(what))?;
        for (start, _, cluster) in self.with_one_more_task() {
            let found = self.is_right_choice(&cluster);
            found.map_err(|what| Finding { after: Some(start), ..self.finding(what) })?;
        }
        Ok(())
    }

    fn is_right_choice(&self, cluster: &Cluster) -> Result<(), String> {
        let request = &self.history.requests[self.request];
        let answer = self.answer(cluster);
        let refusal = Scheduler::default().refusal(cluster, request);
        let Some(chosen) = answer.chosen else {
            let told = "it leaves nobody, and somebody may hold the task";
            return if refusal.is_some() { Ok(()) } else { Err(told.into()) };
        };
        let name = names(cluster, &[chosen]);
        if !answer.kept.contains(&chosen) || !self.may_hold(cluster, chosen) {
            return Err(format!("it chooses {name}, which may not hold the task"));
        }
        match answer.gpus {
            Some(gpus) if !answer.can_give_gpus => {
                let gpus: Vec<usize> = gpus.iter().collect();
                Err(format!("it chooses GPUs {gpus:?} of {name}, which cannot give the task what it wants"))
            }
            _ => Ok(()),
        }
    }

    /// With one more task on one instance and without it: the one that has more room, or less of it, is no worse.
    fn prefers(&self, law: Law) -> Result<(), Finding> {
        let before = self.answer(self.cluster);
        for (start, id, fuller) in self.with_one_more_task() {
            if !self.may_hold(self.cluster, id) || !self.may_hold(&fuller, id) {
                continue;
            }
            let after = self.answer(&fuller);
            let (with_more, with_less) = (before.kept.contains(&id), after.kept.contains(&id));
            let is_broken = match law {
                Law::MoreRoomIsNeverWorse => with_less && !with_more,
                _ => with_more && !with_less,
            };
            if is_broken {
                let name = names(self.cluster, &[id]);
                let (before, after) = (before.told(self.cluster), after.told(&fuller));
                let keeps = self.subject.keeps();
                let what = match law {
                    Law::MoreRoomIsNeverWorse => {
                        format!("it {keeps} {after}; without the last task on {name}, with more room there, {before}")
                    }
                    _ => format!("it {keeps} {after}, though {name} has room; without the last task there {before}"),
                };
                return Err(Finding { after: Some(start), ..self.finding(what) });
            }
        }
        Ok(())
    }

    /// Every way to start one more of the history's tasks, the instance it is on, and the cluster then.
    fn with_one_more_task(&self) -> impl Iterator<Item = (Operation, InstanceId, Cluster)> + '_ {
        let requests = self.history.requests.iter().enumerate();
        let pairs = requests.flat_map(|request| self.cluster.instances().enumerate().map(move |it| (request, it)));
        pairs.filter_map(|((number, request), (index, instance))| {
            let mut fuller = self.cluster.fork();
            fuller.start(&Placement::start_task(instance.id(), request.clone())).ok()?;
            Some((Operation::StartOn { request: number, instance: index }, instance.id(), fuller))
        })
    }

    fn finding(&self, what: String) -> Finding {
        Finding { request: self.request, what, after: None }
    }

    /// Whether an instance passes all checks and constraints, this subject's apart.
    fn may_hold(&self, cluster: &Cluster, id: InstanceId) -> bool {
        let request = self.history.requests[self.request].clone();
        cluster.fork().start(&Placement::run_task_on(id, request)).is_ok()
    }
}
