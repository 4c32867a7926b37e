from cdss.teaching.models.attempts import Attempt, AttemptStep, Review, Step
from cdss.teaching.models.courses import Cohort, Course, CourseItem, Enrolment
from cdss.teaching.models.platforms import GradeReturn, Launch, Placement, Platform, PlatformAccount, ToolKey
from cdss.teaching.models.quizzes import Question, QuestionKind, Quiz, QuizRun, QuizState, QuizVersion, Response

__all__ = [
    "Attempt",
    "AttemptStep",
    "Cohort",
    "Course",
    "CourseItem",
    "Enrolment",
    "GradeReturn",
    "Launch",
    "Placement",
    "Platform",
    "PlatformAccount",
    "Question",
    "QuestionKind",
    "Quiz",
    "QuizRun",
    "QuizState",
    "QuizVersion",
    "Response",
    "Review",
    "Step",
    "ToolKey",
]
